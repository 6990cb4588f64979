{{ as_known(
  'sales_order',
  [
    'order_id', 'customer_id', 'store_id', 'fulfilment_store_id', 'agent_id', 'campaign_id',
    'offer_id', 'status', 'channel', 'currency', 'gross_amount', 'discount_amount',
    'shipping_amount', 'tax_amount', 'net_amount', 'ordered_at', 'ordered_on', 'paid_at',
    'shipped_at', 'delivered_at', 'completed_at', 'cancelled_at', 'cancelled_on',
  ],
  on='ordered_on'
) }}
