{#- Generated from data/contracts by orchestration/staging.py: make reference. -#}
{{ as_known(
  'agent',
  [
    'agent_id', 'name', 'team', 'vendor', 'role', 'hired_on', 'hourly_cost',
  ]
) }}
