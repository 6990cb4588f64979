select
  customer_key,
  ancestor_key,
  level,
  is_ultimate
from {{ source('identity', 'organisation_ancestor') }}
