{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'review',
  [
    'review_id', 'order_id', 'line_no', 'product_id', 'customer_id', 'reviewed_at', 'reviewed_on',
    'rating', 'rating_max', 'comment', 'shared',
  ],
  on='reviewed_on'
) }}
