select
  source_system,
  customer_id,
  public_customer_id,
  source_customer_key,
  customer_key,
  rule,
  weight,
  valid_from,
  valid_to
from {{ source('identity', 'customer_link') }}
