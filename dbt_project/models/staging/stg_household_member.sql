select
  household_key,
  customer_key,
  basis
from {{ source('identity', 'household_member') }}
