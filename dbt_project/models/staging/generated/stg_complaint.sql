{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'complaint',
  [
    'complaint_id', 'contact_id', 'customer_id', 'opened_at', 'opened_on', 'channel',
    'complaint_type', 'content', 'product_id', 'fault_code', 'department', 'handler_id', 'status',
    'resolved_at', 'resolved_on', 'resolution', 'severity',
  ],
  on='opened_on'
) }}
