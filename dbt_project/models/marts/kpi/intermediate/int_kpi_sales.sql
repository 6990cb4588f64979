-- Sales measures per grain and period. A credit note or refund lowers sales and is no purchase (decisions 0007, 0028);
-- an order whose amount nobody knows is in no order value, and so no order here. Where units add to zero, each line
-- counts as one unit, so that a price per unit exists; the discount is what lies between regular and received value.
with orders as (
  select
    periods.period_grain,
    periods.period_start,
    orders.customer_key <> -1 as is_identified,
    orders.customer_key <> -1 and orders.is_purchase and orders.is_valued as is_counted,
    orders.net_amount,
    orders.gross_amount,
    orders.units,
    orders.line_count
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
  inner join {{ ref('int_kpi_period') }} as periods
    on periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
  where not orders.is_cancelled
)

select
  period_grain,
  period_start,
  coalesce(sum(net_amount), 0) as sales,
  coalesce(sum(case when not is_identified then net_amount end), 0) as anonymous_sales,
  coalesce(sum(case when is_identified then net_amount end), 0) as identified_sales,
  coalesce(sum(case when is_counted then net_amount end), 0) as purchase_sales,
  coalesce(sum(case when is_identified and not is_counted then -net_amount end), 0) as credited_sales,
  count(case when is_counted then 1 end) as orders,
  coalesce(sum(case when is_counted then gross_amount end), 0) as gross_sales,
  coalesce(sum(case when is_counted then gross_amount - net_amount end), 0) as discount,
  coalesce(
    nullif(sum(case when is_counted then units end), 0), sum(case when is_counted then line_count end), 0
  ) as units
from orders
group by period_grain, period_start
