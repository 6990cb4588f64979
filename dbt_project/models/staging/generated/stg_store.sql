{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'store',
  [
    'store_id', 'name', 'kind', 'city', 'region', 'country', 'opened_on', 'latitude', 'longitude',
  ]
) }}
