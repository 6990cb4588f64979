select decision
from {record_pair}
where decision is not null and (
  (left_system, left_customer_id) = ({left_system}, {left_id})
  and (right_system, right_customer_id) = ({right_system}, {right_id})
  or (left_system, left_customer_id) = ({right_system}, {right_id})
  and (right_system, right_customer_id) = ({left_system}, {left_id})
)
