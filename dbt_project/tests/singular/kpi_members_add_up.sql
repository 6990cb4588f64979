{{ config(meta={'dagster': {'ref': {'name': 'kpi_tree'}}}) }}
-- The members of a dimension add up to the whole: their sales, and where there is a period before, their changes.
with root as (
  select *
  from {{ ref('kpi_tree') }}
  where node_code = root_code and period_grain <> 'week'
),

members as (
  select
    period_grain,
    period_start,
    root_code,
    dimension,
    sum(value) as value,
    sum(change) as change
  from root
  where dimension <> 'all'
  group by period_grain, period_start, root_code, dimension
)

select members.*
from members
inner join root as whole
  on
    members.period_grain = whole.period_grain
    and members.period_start = whole.period_start
    and members.root_code = whole.root_code
    and whole.dimension = 'all'
where
  abs(members.value - whole.value) > 0.01 + 1e-9 * abs(whole.value)
  or abs(members.change - whole.change) > 0.01 + 1e-9 * abs(whole.value)
