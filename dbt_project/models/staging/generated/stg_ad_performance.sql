{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'ad_performance',
  [
    'day', 'platform', 'ad_campaign', 'promotion_class', 'pricing_model', 'keyword', 'placement',
    'city', 'bid_price', 'position', 'impressions', 'clicks', 'visits', 'cost', 'commission',
    'conversions', 'revenue',
  ],
  on='day'
) }}
