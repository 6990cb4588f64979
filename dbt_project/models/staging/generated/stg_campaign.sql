{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'campaign',
  [
    'campaign_id', 'name', 'objective', 'kpi_code', 'kpi_target', 'channel', 'starts_at',
    'starts_on', 'ends_at', 'ends_on', 'owner', 'budget_amount',
  ]
) }}
