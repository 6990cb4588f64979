select
  customer_key,
  field,
  value,
  provider,
  valid_until,
  record_key
from {{ source('identity', 'profile_field') }}
