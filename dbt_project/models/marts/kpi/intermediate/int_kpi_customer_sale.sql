-- What each known customer bought in a period; credit notes lower sales and are no purchases, and an order whose amount
-- nobody knows is none here.
with orders as (
  select
    *,
    is_purchase and is_valued as is_counted
  from {{ ref('fct_order') }}
)

select
  periods.period_grain,
  periods.period_start,
  orders.customer_key,
  max(buyer.start_state) as start_state,
  sum(orders.net_amount) as sales,
  sum(case when orders.is_counted then orders.net_amount else 0 end) as purchase_sales,
  sum(case when orders.is_counted then 0 else -orders.net_amount end) as credited_sales,
  count(case when orders.is_counted then 1 end) as orders,
  sum(case when orders.is_counted then orders.units else 0 end) as units,
  sum(case when orders.is_counted then orders.line_count else 0 end) as line_count,
  sum(case when orders.is_counted then orders.gross_amount else 0 end) as gross_sales,
  sum(case when orders.is_counted then orders.gross_amount - orders.net_amount else 0 end) as discount
from orders
inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
inner join {{ ref('int_kpi_period') }} as periods
  on
    periods.period_grain <> 'week'
    and periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
left join {{ ref('int_kpi_buyer') }} as buyer
  on
    periods.period_grain = buyer.period_grain
    and periods.period_start = buyer.period_start
    and orders.customer_key = buyer.customer_key
where not orders.is_cancelled and orders.customer_key <> -1
group by periods.period_grain, periods.period_start, orders.customer_key
