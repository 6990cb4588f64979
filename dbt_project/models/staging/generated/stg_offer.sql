{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'offer',
  [
    'offer_id', 'campaign_id', 'name', 'kind', 'face_value', 'unit_cost', 'valid_from',
    'valid_from_on', 'valid_to', 'valid_to_on',
  ]
) }}
