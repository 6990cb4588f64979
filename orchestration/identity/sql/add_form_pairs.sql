insert into {form_pair}
select
  {kind}, least(l.form, r.form), greatest(l.form, r.form), match_weight,
  {rule} as rule,
  {evidence}
from {scored} as s
join {entry} as l on l.rec = s.rec_l
join {entry} as r on r.rec = s.rec_r
where match_weight >= {least} or {rule} is not null
