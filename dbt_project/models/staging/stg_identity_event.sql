select
  occurred_at,
  event,
  from_customer_key,
  to_customer_key,
  records,
  reason,
  rule,
  weight
from {{ source('identity', 'identity_event') }}
