-- What each pair of records was weighed by: the levels and weights of its comparisons, never the values themselves.
select
  left_source_key,
  right_source_key,
  left_customer_key,
  right_customer_key,
  left_system,
  right_system,
  kind,
  standing,
  decision,
  rule,
  weight,
  probability,
  evidence,
  is_linked
from {{ ref('stg_record_pair') }}
