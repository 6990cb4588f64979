{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'campaign_event',
  [
    'event_id', 'campaign_id', 'wave_no', 'customer_id', 'channel', 'event_type', 'occurred_at',
    'occurred_on', 'amount', 'order_id', 'offer_id', 'template_id',
  ],
  on='occurred_on'
) }}
