{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'list_source',
  [
    'list_id', 'kind', 'provider', 'acquired_on', 'records', 'cost_amount', 'valid_until',
  ]
) }}
