{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'usage',
  [
    'customer_id', 'subscription_id', 'month', 'service', 'time_band', 'units', 'charged_amount',
  ],
  on='month'
) }}
