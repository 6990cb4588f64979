select {columns}, w.raw_hash
from {customer} as c
join (
  from {written} anti join {standard_customer} using (source_system, customer_id)
) as w on c.rowid = w.place
