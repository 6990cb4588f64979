{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'product',
  [
    'product_id', 'name', 'brand', 'manufacturer', 'category_1', 'category_2', 'category_3',
    'category_4', 'package_size', 'unit_cost', 'list_price', 'business_type', 'complexity',
    'explanation_need', 'urgency', 'security_need', 'launched_on', 'discontinued_on', 'attributes',
  ]
) }}
