{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'exchange_rate',
  [
    'currency', 'day', 'rate_to_base',
  ],
  on='day'
) }}
