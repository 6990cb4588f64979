-- Each assignment of a record with the customer that it had before, and when the next one came.
select
  *,
  coalesce(lag(customer_key) over w, source_customer_key) as before_key,
  lead(valid_from) over w as valid_to
from {ledger_rows}
window w as (partition by source_system, customer_id order by valid_from)
