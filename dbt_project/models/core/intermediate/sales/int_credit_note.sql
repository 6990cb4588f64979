-- Orders that come to less than zero, in their own currency, with the customer that they belong to now.
with negative_line as (
  select distinct parent_key as order_key
  from {{ ref('stg_order_line') }}
  where net_amount < 0
),

by_lines as (
  select
    line.parent_key as order_key,
    sum(line.net_amount) as net_amount
  from {{ ref('stg_order_line') }} as line
  inner join negative_line on line.parent_key = negative_line.order_key
  group by line.parent_key
),

by_header as (
  select
    orders.record_key as order_key,
    orders.net_amount
  from {{ ref('stg_sales_order') }} as orders
  where
    orders.net_amount < 0
    and not exists (
      select line.parent_key
      from {{ ref('stg_order_line') }} as line
      where line.parent_key = orders.record_key
    )
),

credited as (
  select * from by_lines
  union all
  select * from by_header
)

select
  orders.record_key as order_key,
  orders.source_system,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(orders.currency, settings.currency) as currency,
  orders.ordered_on,
  {{ money('-credited.net_amount') }} as credited_amount
from credited
inner join {{ ref('stg_sales_order') }} as orders on credited.order_key = orders.record_key
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('stg_customer_link') }} as link
  on
    orders.source_system = link.source_system
    and orders.customer_id = link.customer_id
    and link.valid_to is null
where
  credited.net_amount < 0
  and not {{ is_cancelled() }}
