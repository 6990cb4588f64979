{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'agent',
  [
    'agent_id', 'name', 'team', 'vendor', 'role', 'hired_on', 'hourly_cost',
  ]
) }}
