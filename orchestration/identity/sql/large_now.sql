-- Of a rule the smaller blocks come first: they tell most, and cost least.
with spent as (
  select
    rule, records,
    sum(sum(records * (records - 1) / 2)) over (partition by rule order by records) as pairs
  from {block_size}
  group by rule, records
),
kept as (
  select rule, max(records) as most from spent
  where pairs <= greatest((select count(*) from {entry}) * {per_record}, {at_least})
  group by rule
)
select s.*
from {block_size} as s
left join kept using (rule)
where records > least(coalesce(most, 1), {most})
