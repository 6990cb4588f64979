select row_number() over (order by system, id) - 1 as node, system, id
from (
  select left_system as system, left_customer_id as id from {sound}
  union
  select right_system, right_customer_id from {sound}
)
