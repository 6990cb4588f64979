select
  kind,
  left_source_key,
  right_source_key,
  left_customer_key,
  right_customer_key,
  left_system,
  right_system,
  weight,
  probability,
  rule,
  evidence,
  decision,
  standing,
  is_linked
from {{ source('identity', 'record_pair') }}
