{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'campaign_member',
  [
    'campaign_id', 'customer_id', 'wave_no', 'arm', 'cell', 'list_id', 'assigned_at', 'assigned_on',
  ],
  on='assigned_on'
) }}
