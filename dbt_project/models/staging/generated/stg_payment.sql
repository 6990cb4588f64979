{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'payment',
  [
    'payment_id', 'order_id', 'paid_at', 'paid_on', 'method', 'amount', 'status',
  ],
  on='paid_on'
) }}
