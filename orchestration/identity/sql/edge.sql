select
  l.rec::bigint as a,
  r.rec::bigint as b,
  case when rule is not null then greatest(weight, {rule_weight}) else weight end as weight
from {form_pair} as p
join {entry} as l on l.form = left_form
join {entry} as r on r.form = right_form
where p.kind = {kind}
order by a, b
