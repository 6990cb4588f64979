{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'marketing_resource',
  [
    'entry_id', 'campaign_id', 'resource', 'occurred_at', 'occurred_on', 'kind', 'amount',
    'requested_by', 'approved_by',
  ],
  on='occurred_on'
) }}
