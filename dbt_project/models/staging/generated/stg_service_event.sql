{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'service_event',
  [
    'event_id', 'customer_id', 'product_id', 'product_model', 'store_id', 'due_at', 'due_on',
    'occurred_at', 'occurred_on', 'fault_code', 'amount',
  ]
) }}
