{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'product_return',
  [
    'return_id', 'order_id', 'line_no', 'product_id', 'kind', 'requested_at', 'requested_on',
    'quantity', 'amount', 'reason',
  ],
  on='requested_on'
) }}
