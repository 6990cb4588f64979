{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'plan',
  [
    'plan_id', 'name', 'monthly_fee', 'contract_months', 'valid_from', 'valid_to',
  ]
) }}
