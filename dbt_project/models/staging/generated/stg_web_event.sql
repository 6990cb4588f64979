{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'web_event',
  [
    'event_id', 'visitor_id', 'customer_id', 'occurred_at', 'occurred_on', 'event_type', 'url',
    'referrer', 'utm_source', 'utm_medium', 'utm_campaign', 'keyword', 'product_id', 'order_id',
    'device', 'country', 'dwell_seconds', 'user_agent', 'status_code', 'bytes',
  ],
  on='occurred_on'
) }}
