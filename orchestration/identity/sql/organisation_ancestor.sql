create or replace table {organisation_ancestor} as
with recursive parent as (
  select a.customer_key, min(b.customer_key) as parent_key
  from {customer_relation} as r
  join {current_link} as a on a.source_system = r.source_system and a.customer_id = r.customer_id
  join {current_link} as b on b.source_system = r.source_system and b.customer_id = r.related_customer_id
  where r._superseded_at is null and r.relation = 'parent' and a.customer_key <> b.customer_key
  group by a.customer_key
),
tree as (
  select customer_key, customer_key as ancestor_key, 0 as level, [customer_key] as path
  from (
    select distinct customer_key
    from {current_link} join {standard} using (source_system, customer_id)
    where kind = 'organisation'
    union select customer_key from parent
    union select parent_key from parent
  )
  union all
  select t.customer_key, p.parent_key, t.level + 1, list_append(t.path, p.parent_key)
  from tree as t
  join parent as p on p.customer_key = t.ancestor_key
  where t.level < {most_levels} and not list_contains(t.path, p.parent_key)
)
select customer_key, ancestor_key, level, level = max(level) over (partition by customer_key) as is_ultimate
from tree
