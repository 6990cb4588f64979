{% set most_members = 100 -%}
-- Measures of stores and categories, by month and quarter. Members beyond the hundred with the greatest sales
-- count together: slices of slices say nothing, and cost as much. Amounts add up by day first, and buyers are made
-- distinct by a grouping, which spills where a count of distinct values does not.
with store_order as (
  select
    coalesce(store.name, store.store_id, '(no store)') as member,
    orders.order_key,
    orders.customer_key,
    orders.date_key,
    orders.is_purchase and orders.is_valued as is_purchase,
    orders.net_amount,
    orders.gross_amount,
    orders.units,
    cast(orders.line_count as bigint) as line_count
  from {{ ref('fct_order') }} as orders
  left join {{ ref('dim_store') }} as store on orders.store_key = store.store_key and store.store_key <> -1
  where not orders.is_cancelled
),

category_line as (
  select
    coalesce(product.category_1, '(no category)') as member,
    line.order_key,
    orders.customer_key,
    orders.date_key,
    orders.is_purchase and orders.is_valued as is_purchase,
    line.net_amount,
    line.gross_amount,
    line.quantity
  from {{ ref('fct_order_line') }} as line
  inner join {{ ref('fct_order') }} as orders on line.order_key = orders.order_key and not orders.is_cancelled
  left join {{ ref('dim_product') }} as product on line.product_key = product.product_key
),

member_sales as (
  select
    'store' as dimension,
    member,
    sum(net_amount) as net_amount
  from store_order
  group by member
  union all
  select
    'category',
    member,
    sum(net_amount)
  from category_line
  group by member
),

shown as (
  select
    dimension,
    member,
    case
      when row_number() over (partition by dimension order by abs(net_amount) desc, member asc) <= {{ most_members }}
        then member
      else '(other)'
    end as shown_member,
    count(*) over (partition by dimension) as members
  from member_sales
),

-- An order once per member: its lines of a category, or of all categories that count together, are one.
sold as (
  select
    'store' as dimension,
    shown.shown_member as member,
    store_order.customer_key,
    store_order.date_key,
    store_order.is_purchase,
    store_order.net_amount,
    store_order.gross_amount,
    store_order.units,
    store_order.line_count
  from store_order
  inner join shown on store_order.member = shown.member and shown.dimension = 'store' and shown.members > 1
  union all
  select
    'category',
    shown.shown_member,
    max(category_line.customer_key),
    max(category_line.date_key),
    max(case when category_line.is_purchase then 1 else 0 end) = 1,
    sum(category_line.net_amount),
    sum(category_line.gross_amount),
    sum(category_line.quantity),
    count(*)
  from category_line
  inner join shown on category_line.member = shown.member and shown.dimension = 'category' and shown.members > 1
  group by shown.shown_member, category_line.order_key
),

daily as (
  select
    dimension,
    member,
    date_key,
    sum(net_amount) as sales,
    sum(case when customer_key <> -1 then net_amount else 0 end) as identified_sales,
    sum(case when customer_key <> -1 and is_purchase then net_amount else 0 end) as purchase_sales,
    count(case when customer_key <> -1 and is_purchase then 1 end) as orders,
    sum(case when customer_key <> -1 and is_purchase then units end) as units,
    sum(case when customer_key <> -1 and is_purchase then line_count end) as line_count,
    sum(case when customer_key <> -1 and is_purchase then gross_amount else 0 end) as gross_sales
  from sold
  group by dimension, member, date_key
),

day_period as (
  select
    calendar.date_key,
    periods.period_grain,
    periods.period_start
  from {{ ref('dim_date') }} as calendar
  inner join {{ ref('int_kpi_period') }} as periods
    on
      periods.period_grain <> 'week'
      and periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
),

measured as (
  select
    day_period.period_grain,
    day_period.period_start,
    daily.dimension,
    daily.member,
    sum(daily.sales) as sales,
    sum(daily.identified_sales) as identified_sales,
    sum(daily.purchase_sales) as purchase_sales,
    sum(daily.orders) as orders,
    sum(daily.units) as units,
    sum(daily.line_count) as line_count,
    sum(daily.gross_sales) as gross_sales
  from daily
  inner join day_period on daily.date_key = day_period.date_key
  group by day_period.period_grain, day_period.period_start, daily.dimension, daily.member
),

member_buyer as (
  select distinct
    day_period.period_grain,
    day_period.period_start,
    sold.dimension,
    sold.member,
    sold.customer_key
  from sold
  inner join day_period on sold.date_key = day_period.date_key
  where sold.customer_key <> -1 and sold.is_purchase
),

bought as (
  select
    member_buyer.period_grain,
    member_buyer.period_start,
    member_buyer.dimension,
    member_buyer.member,
    count(*) as buyers,
    count(case when buyer.start_state = 'new' then 1 end) as new_buyers,
    count(case when buyer.start_state <> 'new' then 1 end) as returning_buyers
  from member_buyer
  left join {{ ref('int_kpi_buyer') }} as buyer
    on
      member_buyer.period_grain = buyer.period_grain
      and member_buyer.period_start = buyer.period_start
      and member_buyer.customer_key = buyer.customer_key
  group by member_buyer.period_grain, member_buyer.period_start, member_buyer.dimension, member_buyer.member
)

select
  measured.period_grain,
  measured.period_start,
  measured.dimension,
  measured.member,
  cast(measured.sales as double) as sales,
  cast(measured.sales - measured.identified_sales as double) as anonymous_sales,
  cast(measured.identified_sales as double) as identified_sales,
  cast(measured.purchase_sales as double) as purchase_sales,
  cast(measured.purchase_sales - measured.identified_sales as double) as credited_sales,
  cast(measured.orders as double) as orders,
  cast(coalesce(nullif(measured.units, 0), measured.line_count, 0) as double) as units,
  cast(measured.gross_sales as double) as gross_sales,
  cast(measured.gross_sales - measured.purchase_sales as double) as discount,
  cast(coalesce(bought.buyers, 0) as double) as buyers,
  cast(coalesce(bought.new_buyers, 0) as double) as new_buyers,
  cast(coalesce(bought.returning_buyers, 0) as double) as returning_buyers
  {%- for measure in kpi_measures()[12:] %},
  cast(0 as double) as {{ measure }}
  {%- endfor %}
from measured
left join bought
  on
    measured.period_grain = bought.period_grain
    and measured.period_start = bought.period_start
    and measured.dimension = bought.dimension
    and measured.member = bought.member
