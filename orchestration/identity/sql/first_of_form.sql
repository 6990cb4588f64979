select form, first_name, row_number() over (order by first_name)::integer - 1 as rec
from (
  select form, min(source_system || chr(31) || customer_id) as first_name
  from {standard} where kind = {kind}
  group by form
)
