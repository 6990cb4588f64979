{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'kpi_target',
  [
    'kpi_code', 'period_start', 'grain', 'dimension', 'member', 'owner_role', 'owner_id',
    'target_value',
  ]
) }}
