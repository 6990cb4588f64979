{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'consent',
  [
    'customer_id', 'channel', 'status', 'purpose', 'recorded_at', 'recorded_on',
  ],
  on='recorded_on'
) }}
