{{ config(materialized='view') }}
-- Lines in the order's currency. An order without an accepted line has one line with the header's amount; so has a
-- refund. `amount_basis` says what an amount comes from.
with header_only as (
  select
    orders.order_key,
    orders.header_gross_amount,
    orders.header_discount_amount,
    coalesce(
      orders.header_net_amount, {{ money('orders.header_gross_amount - coalesce(orders.header_discount_amount, 0)') }}
    ) as net_amount
  from {{ ref('int_order_header') }} as orders
  where
    orders.refunded_order_key is null
    and not exists (
      select line.parent_key
      from {{ ref('stg_order_line') }} as line
      where line.parent_key = orders.order_key
    )
)

select
  parent_key as order_key,
  line_no,
  product_id,
  quantity,
  unit_price,
  gross_amount,
  discount_amount,
  coupon_amount,
  net_amount,
  cost_amount,
  'lines' as amount_basis
from {{ ref('stg_order_line') }}
union all
select
  order_key,
  1,
  null,
  case when net_amount < 0 then {{ money('-1') }} else {{ money('1') }} end,
  null,
  header_gross_amount,
  header_discount_amount,
  null,
  net_amount,
  null,
  'header'
from header_only
where net_amount is not null
union all
select
  refund_key,
  1,
  product_id,
  {{ money('-quantity') }},
  null,
  null,
  null,
  null,
  {{ money('-refund_amount') }},
  {{ money('-cost_amount') }},
  refund_basis
from {{ ref('int_refund') }}
