{{ config(meta={'dagster': {'ref': {'name': 'kpi_tree'}}}) }}
-- The root over all periods of a grain is the net amount of all orders that were not cancelled.
with tree as (
  select
    period_grain,
    sum(value) as sales
  from {{ ref('kpi_tree') }}
  where node_code = 'sales' and root_code = 'sales' and dimension = 'all'
  group by period_grain
)

select tree.*
from tree
cross join (
  select cast(coalesce(sum(net_amount), 0) as double) as sales from {{ ref('fct_order') }}
where not is_cancelled
) as orders
where abs(tree.sales - orders.sales) > 0.01 + 1e-9 * abs(orders.sales)
