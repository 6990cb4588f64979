{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'sales_order',
  [
    'order_id', 'customer_id', 'ordered_at', 'ordered_on', 'paid_at', 'paid_on', 'shipped_at',
    'delivered_at', 'completed_at', 'cancelled_at', 'cancelled_on', 'status', 'channel', 'store_id',
    'fulfilment_store_id', 'agent_id', 'campaign_id', 'offer_id', 'currency', 'gross_amount',
    'discount_amount', 'shipping_amount', 'tax_amount', 'net_amount',
  ],
  on='ordered_on'
) }}
