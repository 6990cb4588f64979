{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'lead',
  [
    'lead_id', 'customer_id', 'created_at', 'created_on', 'source', 'medium', 'campaign_id',
    'landing_page', 'segment', 'list_id', 'expected_purchase_on', 'budget_amount', 'intent',
    'brand_awareness', 'competitor', 'current_investment', 'decision_model', 'interest_product_id',
    'potential', 'job_title', 'department', 'organisation_name', 'attributes',
  ],
  on='created_on'
) }}
