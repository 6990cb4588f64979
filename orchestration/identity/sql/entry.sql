select
  f.rec, s.*, {made},
  case when list_contains({once_systems}, s.source_system) then s.source_system end as unique_system
from {standard} as s
join {first_of_form} as f
  on f.form = s.form and f.first_name = s.source_system || chr(31) || s.customer_id
where s.kind = {kind}
