select
  source_system,
  public_customer_id as customer_id,
  source_customer_key,
  customer_key,
  rule,
  weight,
  valid_from,
  valid_to
from {{ ref('stg_customer_link') }}
