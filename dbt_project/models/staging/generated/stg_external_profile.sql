{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'external_profile',
  [
    'profile_id', 'list_id', 'organisation_name', 'city', 'postal_code', 'provider', 'attributes',
    'valid_until',
  ]
) }}
