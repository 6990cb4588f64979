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
-- Facts of a system that uses another's ids find their customer by links of this rule; they are no records.
where rule <> 'shared_id'
