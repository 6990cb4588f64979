{{ as_known(
  'campaign',
  [
    'campaign_id', 'name', 'objective', 'kpi_code', 'kpi_target', 'channel', 'owner',
    'budget_amount', 'starts_at', 'starts_on', 'ends_at', 'ends_on',
  ]
) }}
