-- Orders of which goods or money went back, in their own currency: what they came to, and what was paid both ways.
with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

touched as (
  select parent_key as order_key
  from {{ ref('stg_product_return') }}
  where coalesce(kind, 'return') = 'return'
  union
  select parent_key
  from {{ ref('stg_payment') }}
  where amount < 0 and {{ is_settled('status') }}
),

orders as (
  select orders.*
  from {{ ref('stg_sales_order') }} as orders
  inner join touched on orders.record_key = touched.order_key
  cross join settings
  where not {{ is_cancelled() }}
),

line as (
  select
    line.parent_key as order_key,
    sum(line.net_amount) as net_amount,
    sum(line.cost_amount) as cost_amount,
    sum(case when line.quantity > 0 then line.quantity else 0 end) as units,
    sum(case when line.quantity < 0 and line.net_amount < 0 then -line.net_amount else 0 end) as taken_back
  from {{ ref('stg_order_line') }} as line
  inner join orders on line.parent_key = orders.record_key
  group by line.parent_key
),

payment as (
  select
    payment.parent_key as order_key,
    sum(case when payment.amount > 0 then payment.amount else 0 end) as paid,
    sum(case when payment.amount < 0 then -payment.amount else 0 end) as paid_back
  from {{ ref('stg_payment') }} as payment
  inner join orders on payment.parent_key = orders.record_key
  where {{ is_settled('payment.status') }}
  group by payment.parent_key
),

totals as (
  select
    orders.*,
    line.order_key is not null as has_lines,
    line.cost_amount,
    line.units,
    {{ money(
      'greatest(coalesce(line.net_amount, orders.net_amount, orders.gross_amount - coalesce(orders.discount_amount, 0), 0), 0)'
    ) }} as order_amount,
    {{ money('coalesce(line.taken_back, 0)') }} as taken_back,
    coalesce(orders.shipping_amount, 0) as shipping,
    coalesce(orders.tax_amount, 0) as tax,
    coalesce(payment.paid, 0) as paid,
    coalesce(payment.paid_back, 0) as paid_back
  from orders
  left join line on orders.record_key = line.order_key
  left join payment on orders.record_key = payment.order_key
),

-- tax is on top of the goods only where as much was paid
charged as (
  select
    *,
    case when paid >= order_amount + taken_back + shipping + tax - 0.01 then tax else 0 end as tax_on_top
  from totals
),

-- money that went back, was not paid anew, and is not that of lines of goods taken back
given_back as (
  select
    *,
    {{ money(
      'greatest(least(paid_back - taken_back, order_amount + shipping + tax_on_top - paid + paid_back), 0)'
    ) }} as outstanding
  from charged
)

select
  record_key as order_key,
  source_system,
  customer_id,
  store_id,
  campaign_id,
  offer_id,
  channel,
  currency,
  ordered_on,
  ordered_at,
  has_lines,
  order_amount,
  cost_amount,
  units,
  taken_back,
  -- the goods' part of it: nothing of the shipping alone, all of the whole, and less the tax's share else
  case
    when outstanding >= order_amount + shipping + tax_on_top then order_amount
    when outstanding = shipping then {{ money('0') }}
    when tax_on_top = 0 then {{ money('least(outstanding, order_amount)') }}
    else {{ modelled_money('least(' ~ safe_divide('outstanding * order_amount', 'order_amount + tax_on_top') ~ ', order_amount)') }}
  end as refundable_by_payment
from given_back
