{{ as_known(
  'campaign_event',
  [
    'event_id', 'campaign_id', 'customer_id', 'offer_id', 'order_id', 'wave_no', 'channel',
    'event_type', 'template_id', 'amount', 'occurred_at', 'occurred_on',
  ],
  on='occurred_on'
) }}
