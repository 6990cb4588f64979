{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'contact',
  [
    'contact_id', 'customer_id', 'contacted_at', 'contacted_on', 'channel', 'direction',
    'contact_type', 'business_type', 'topic', 'content', 'contact_point', 'offer_content',
    'accepted', 'customer_response', 'product_id', 'campaign_id', 'wave_no', 'list_id', 'script_id',
    'keywords', 'call_cost', 'agent_id', 'location_id', 'duration_seconds', 'wait_seconds',
    'response_seconds', 'message_count', 'words', 'result', 'rating', 'sold_amount',
  ],
  on='contacted_on'
) }}
