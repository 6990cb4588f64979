-- The newest version of each customer record that its source still has.
select *, rowid as place
from {customer}
where _superseded_at is null
qualify row_number() over (
  partition by source_system, customer_id order by _version_at desc, _record_hash) = 1
