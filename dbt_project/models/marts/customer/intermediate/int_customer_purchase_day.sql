with days as (
  select
    orders.customer_key,
    calendar.date_day as purchased_on,
    cast(count(*) as integer) as orders,
    {{ money('sum(orders.net_amount)') }} as net_amount
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
  where orders.is_purchase and orders.customer_key <> -1
  group by orders.customer_key, calendar.date_day
)

select
  customer_key,
  purchased_on,
  orders,
  net_amount,
  cast(row_number() over (partition by customer_key order by purchased_on) as integer) as purchase_day_no,
  lag(purchased_on) over (partition by customer_key order by purchased_on) as previous_on,
  lead(purchased_on) over (partition by customer_key order by purchased_on) as next_on
from days
