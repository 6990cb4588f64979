{% set most_members = 100 -%}
-- Measures of stores and categories, by month and quarter. Members beyond the hundred with the greatest sales
-- count together: slices of slices say nothing, and cost as much.
with sold as (
  select
    'store' as dimension,
    cast(orders.store_key as bigint) as member_key,
    orders.order_key,
    orders.customer_key,
    orders.date_key,
    orders.is_purchase,
    orders.net_amount,
    orders.gross_amount,
    orders.units,
    cast(orders.line_count as bigint) as line_count
  from {{ ref('fct_order') }} as orders
  where not orders.is_cancelled
),

category_sold as (
  select
    coalesce(product.category_1, '(no category)') as member,
    line.order_key,
    max(orders.customer_key) as customer_key,
    max(orders.date_key) as date_key,
    max(case when orders.is_purchase then 1 else 0 end) = 1 as is_purchase,
    sum(line.net_amount) as net_amount,
    sum(line.gross_amount) as gross_amount,
    sum(line.quantity) as units,
    count(*) as line_count
  from {{ ref('fct_order_line') }} as line
  inner join {{ ref('fct_order') }} as orders on line.order_key = orders.order_key and not orders.is_cancelled
  left join {{ ref('dim_product') }} as product on line.product_key = product.product_key
  group by coalesce(product.category_1, '(no category)'), line.order_key
),

named as (
  select
    sold.dimension,
    coalesce(store.name, store.store_id, '(no store)') as member,
    sold.order_key,
    sold.customer_key,
    sold.date_key,
    sold.is_purchase,
    sold.net_amount,
    sold.gross_amount,
    sold.units,
    sold.line_count
  from sold
  left join {{ ref('dim_store') }} as store on sold.member_key = store.store_key and store.store_key <> -1
  union all
  select
    'category',
    member,
    order_key,
    customer_key,
    date_key,
    is_purchase,
    net_amount,
    gross_amount,
    units,
    line_count
  from category_sold
),

greatest_members as (
  select
    dimension,
    member,
    row_number() over (partition by dimension order by sum(abs(net_amount)) desc, member asc) as place,
    count(*) over (partition by dimension) as members
  from named
  group by dimension, member
),

dated as (
  select
    periods.period_grain,
    periods.period_start,
    named.dimension,
    case when greatest_members.place <= {{ most_members }} then named.member else '(other)' end as member,
    named.order_key,
    named.customer_key,
    named.customer_key <> -1 as is_identified,
    named.customer_key <> -1 and named.is_purchase as is_counted,
    named.net_amount,
    named.gross_amount,
    named.units,
    named.line_count,
    buyer.start_state
  from named
  inner join greatest_members
    on
      named.dimension = greatest_members.dimension
      and named.member = greatest_members.member
      and greatest_members.members > 1
  inner join {{ ref('dim_date') }} as calendar on named.date_key = calendar.date_key
  inner join {{ ref('int_kpi_period') }} as periods
    on
      periods.period_grain <> 'week'
      and periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
  left join {{ ref('int_kpi_buyer') }} as buyer
    on
      periods.period_grain = buyer.period_grain
      and periods.period_start = buyer.period_start
      and named.customer_key = buyer.customer_key
)

select
  period_grain,
  period_start,
  dimension,
  member,
  cast(sum(net_amount) as double) as sales,
  cast(sum(case when is_identified then 0 else net_amount end) as double) as anonymous_sales,
  cast(sum(case when is_identified then net_amount else 0 end) as double) as identified_sales,
  cast(sum(case when is_counted then net_amount else 0 end) as double) as purchase_sales,
  cast(sum(case when is_identified and not is_counted then -net_amount else 0 end) as double) as credited_sales,
  cast(count(distinct case when is_counted then order_key end) as double) as orders,
  cast(coalesce(
    nullif(sum(case when is_counted then units end), 0), sum(case when is_counted then line_count end), 0
  ) as double) as units,
  cast(sum(case when is_counted then gross_amount else 0 end) as double) as gross_sales,
  cast(sum(case when is_counted then gross_amount - net_amount else 0 end) as double) as discount,
  cast(count(distinct case when is_counted then customer_key end) as double) as buyers,
  cast(count(distinct case when is_counted and start_state = 'new' then customer_key end) as double) as new_buyers,
  cast(count(distinct case when is_counted and start_state <> 'new' then customer_key end) as double)
    as returning_buyers
  {%- for measure in kpi_measures()[12:] %},
  cast(0 as double) as {{ measure }}
  {%- endfor %}
from dated
group by period_grain, period_start, dimension, member
