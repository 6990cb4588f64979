{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'product_price',
  [
    'product_id', 'valid_from', 'valid_from_on', 'price', 'kind', 'store_id',
  ]
) }}
