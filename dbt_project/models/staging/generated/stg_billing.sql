{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'billing',
  [
    'invoice_id', 'customer_id', 'issued_at', 'issued_on', 'due_at', 'due_on', 'paid_at', 'paid_on',
    'amount', 'paid_amount',
  ],
  on='issued_on'
) }}
