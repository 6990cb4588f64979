{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'kpi_benchmark',
  [
    'kpi_code', 'period_start', 'grain', 'average_value', 'excellent_value', 'industry',
  ]
) }}
