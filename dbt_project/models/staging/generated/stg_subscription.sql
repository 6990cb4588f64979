{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'subscription',
  [
    'subscription_id', 'customer_id', 'plan_id', 'product_id', 'started_at', 'started_on',
    'ended_at', 'ended_on', 'contract_end', 'end_reason', 'end_destination', 'monthly_fee',
  ],
  on='started_on'
) }}
