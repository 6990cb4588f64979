select
  occurred_at,
  event,
  from_customer_key,
  to_customer_key,
  records,
  reason,
  rule,
  weight
from {{ ref('stg_identity_event') }}
