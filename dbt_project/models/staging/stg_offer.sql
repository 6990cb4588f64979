{{ as_known(
  'offer',
  [
    'offer_id', 'campaign_id', 'name', 'kind', 'face_value', 'unit_cost', 'valid_from_on',
    'valid_to_on',
  ]
) }}
