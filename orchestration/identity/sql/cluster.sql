-- Each record with the record that stands for its cluster, and the best reason for that.
with edge as (
  select l.rec as a, r.rec as b, p.rule, p.weight
  from {form_pair} as p
  join {entry} as l on l.form = left_form
  join {entry} as r on r.form = right_form
  join {label} as x on x.rec = l.rec
  join {label} as y on y.rec = r.rec and y.first_rec = x.first_rec
  where p.kind = {kind}
  union all
  select m.rec, n.rec, 'manual', null
  from {together} as d
  join {member} as m on m.source_system = left_system and m.customer_id = left_customer_id
  join {member} as n on n.source_system = right_system and n.customer_id = right_customer_id
),
best as (
  select rec, rule, weight
  from (
    select a as rec, b as other, rule, weight from edge
    union all
    select b, a, rule, weight from edge
  )
  qualify row_number() over (
    partition by rec
    order by (rule = 'manual') desc nulls last, (rule is not null) desc, weight desc nulls last, other) = 1
),
size as (
  select first_rec, count(*) as records
  from {label} join {member} using (rec)
  group by all
)
select
  m.source_system,
  m.customer_id,
  f.source_system as cluster_system,
  f.customer_id as cluster_id,
  case
    when size.records = 1 then 'source_key'
    when best.rec is null then 'identical'
    else coalesce(best.rule, 'fuzzy')
  end as rule,
  case when size.records > 1 and best.rule is null then best.weight end as weight
from {member} as m
join {label} using (rec)
join {entry} as f on f.rec = first_rec
join size using (first_rec)
left join best on best.rec = m.rec
