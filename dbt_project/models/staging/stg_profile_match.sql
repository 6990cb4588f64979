select
  record_key,
  customer_key,
  basis
from {{ source('identity', 'profile_match') }}
