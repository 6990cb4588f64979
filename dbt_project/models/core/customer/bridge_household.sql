select
  household_key,
  customer_key,
  basis
from {{ ref('stg_household_member') }}
