{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'channel',
  [
    'channel', 'name', 'channel_type', 'electronic', 'human', 'two_way', 'can_transact',
    'cost_per_contact', 'capacity_per_day', 'open_hours',
  ]
) }}
