with days as (
  select
    orders.customer_key,
    calendar.date_day as purchased_on,
    cast(count(*) as integer) as orders,
    cast(count(case when orders.is_valued then 1 end) as integer) as valued_orders,
    {{ money('sum(orders.net_amount)') }} as net_amount,
    {{ money('sum(orders.gross_amount)') }} as gross_amount,
    {{ money('sum(orders.discount_amount)') }} as discount_amount,
    {{ money('sum(orders.units)') }} as units,
    cast(sum(orders.line_count) as integer) as line_count,
    cast(max(breadth.categories) as integer) as categories
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
  left join {{ ref('int_order_breadth') }} as breadth on orders.order_key = breadth.order_key
  where orders.is_purchase and orders.customer_key <> -1
  group by orders.customer_key, calendar.date_day
),

ordered as (
  select
    *,
    cast(row_number() over (partition by customer_key order by purchased_on) as integer) as purchase_day_no,
    lag(purchased_on) over (partition by customer_key order by purchased_on) as previous_on,
    lead(purchased_on) over (partition by customer_key order by purchased_on) as next_on,
    min(purchased_on) over (partition by customer_key) as first_on,
    sum(net_amount) over (
      partition by customer_key order by {{ days_between("date '1970-01-01'", 'purchased_on') }}
      range between 364 preceding and current row
    ) as spend_year
  from days
)

select
  customer_key,
  purchased_on,
  orders,
  valued_orders,
  net_amount,
  gross_amount,
  discount_amount,
  units,
  line_count,
  categories,
  purchase_day_no,
  previous_on,
  next_on,
  first_on,
  {{ money('spend_year') }} as spend_year,
  {{ days_between('previous_on', 'purchased_on') }} as gap_days
from ordered
