{{ config(meta={'dagster': {'ref': {'name': 'kpi_tree'}}}) }}
-- Children's contributions add to their parent's change, and leaves' to the root's, to 1e-9.
with to_parent as (
  select
    period_grain,
    period_start,
    dimension,
    member,
    root_code,
    parent_code as node_code,
    sum(contribution_to_parent) as parts
  from {{ ref('kpi_tree') }}
  where contribution_to_parent is not null
  group by period_grain, period_start, dimension, member, root_code, parent_code
),

to_root as (
  select
    period_grain,
    period_start,
    dimension,
    member,
    root_code,
    root_code as node_code,
    sum(contribution_to_root) as parts
  from {{ ref('kpi_tree') }}
  where operator is null and contribution_to_root is not null
  group by period_grain, period_start, dimension, member, root_code
),

parts as (
  select * from to_parent
  union all
  select * from to_root
)

select tree.*
from {{ ref('kpi_tree') }} as tree
inner join parts
  on
    tree.period_grain = parts.period_grain
    and tree.period_start = parts.period_start
    and tree.dimension = parts.dimension
    and tree.member = parts.member
    and tree.root_code = parts.root_code
    and tree.node_code = parts.node_code
where
  tree.change is not null
  and abs(tree.change - parts.parts) > 1e-9 * greatest(abs(tree.change), abs(tree.value), 1)
