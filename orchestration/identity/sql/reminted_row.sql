select
  source_system, customer_id,
  o.new_key as source_customer_key,
  c.new_key as customer_key,
  rule, weight, valid_from
from {history} as h
join {pairs} as o on o.old_key = h.source_customer_key
join {pairs} as c on c.old_key = h.customer_key
order by valid_from, source_system, customer_id
