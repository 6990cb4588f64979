{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'loyalty_points',
  [
    'entry_id', 'customer_id', 'occurred_at', 'occurred_on', 'points', 'kind', 'order_id',
    'campaign_id', 'activity',
  ],
  on='occurred_on'
) }}
