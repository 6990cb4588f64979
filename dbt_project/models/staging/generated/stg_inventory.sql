{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'inventory',
  [
    'product_id', 'store_id', 'day', 'on_hand',
  ],
  on='day'
) }}
