{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'offer_product',
  [
    'offer_id', 'campaign_id', 'product_id',
  ]
) }}
