-- Last row of each record.
select
  source_system, customer_id, source_customer_key,
  arg_max(customer_key, valid_from) as customer_key,
  arg_max(rule, valid_from) as rule
from {history} group by all
