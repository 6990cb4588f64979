{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'order_line',
  [
    'order_id', 'line_no', 'product_id', 'quantity', 'unit_price', 'gross_amount',
    'discount_amount', 'coupon_amount', 'net_amount', 'cost_amount',
  ]
) }}
