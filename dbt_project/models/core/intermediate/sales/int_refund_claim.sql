-- What each return and each payment below zero says that went back, in the order's currency, before anything is set
-- against each other. A return that names no amount is worth what its units
-- were sold for: of its line or product, else of the order on average.
with orders as (
  select * from {{ ref('int_refunded_order') }}
),

sold as (
  select
    line.parent_key as order_key,
    line.line_no,
    line.product_id,
    line.quantity,
    line.net_amount,
    line.cost_amount
  from {{ ref('stg_order_line') }} as line
  inner join orders on line.parent_key = orders.order_key
  where line.quantity > 0
),

product as (
  select
    order_key,
    product_id,
    sum(quantity) as quantity,
    sum(net_amount) as net_amount,
    sum(cost_amount) as cost_amount
  from sold
  where product_id is not null
  group by order_key, product_id
),

returned as (
  select
    returned.record_key,
    returned.return_id as refund_id,
    orders.order_key,
    coalesce(returned.product_id, sold.product_id) as product_id,
    greatest(returned.requested_on, orders.ordered_on) as refunded_on,
    greatest(returned.requested_at, orders.ordered_at) as refunded_at,
    abs(returned.amount) as amount,
    abs(returned.quantity) as quantity,
    coalesce(
      sold.quantity,
      product.quantity,
      case when returned.line_no is null and returned.product_id is null then orders.units end
    ) as sold_quantity,
    coalesce(
      sold.net_amount,
      product.net_amount,
      case
        when not orders.has_lines or (returned.line_no is null and returned.product_id is null) then orders.order_amount
      end
    ) as sold_amount,
    coalesce(
      sold.cost_amount,
      product.cost_amount,
      case when returned.line_no is null and returned.product_id is null then orders.cost_amount end
    ) as sold_cost,
    coalesce(cast(sold.line_no as string), product.product_id, '') as goods
  from {{ ref('stg_product_return') }} as returned
  inner join orders on returned.parent_key = orders.order_key
  inner join {{ ref('stg_regulars__settings') }} as settings on settings.refund_by_return
  left join sold on returned.parent_key = sold.order_key and returned.line_no = sold.line_no
  left join product
    on
      returned.parent_key = product.order_key
      and returned.product_id = product.product_id
      and sold.order_key is null
  where coalesce(returned.kind, 'return') = 'return'
),

said as (
  select
    *,
    coalesce(
      amount,
      case when quantity < sold_quantity then {{ modelled_money(safe_divide('quantity * sold_amount', 'sold_quantity')) }} end,
      sold_amount,
      0
    ) as said_amount
  from returned
),

-- goods come back once, however often it is said
running as (
  select
    *,
    sum(said_amount) over (
      partition by order_key, goods
      order by refunded_at, record_key
      rows between unbounded preceding and current row
    ) as said_so_far
  from said
)

select
  'return' as refund_basis,
  {{ refund_key('record_key', 'return') }} as refund_key,
  record_key,
  refund_id,
  order_key,
  product_id,
  refunded_on,
  refunded_at,
  {{ money('coalesce(quantity, sold_quantity, 0)') }} as quantity,
  case
    when sold_amount is null then said_amount
    else {{ money(
      'greatest(least(said_so_far, greatest(sold_amount, 0)) - least(said_so_far - said_amount, greatest(sold_amount, 0)), 0)'
    ) }}
  end as claimed_amount,
  sold_amount,
  sold_cost
from running
union all
select
  'payment',
  {{ refund_key('payment.record_key', 'payment') }},
  payment.record_key,
  payment.payment_id,
  orders.order_key,
  null,
  greatest(coalesce(payment.paid_on, orders.ordered_on), orders.ordered_on),
  greatest(coalesce(payment.paid_at, orders.ordered_at), orders.ordered_at),
  {{ money('0') }},
  -payment.amount,
  null,
  null
from {{ ref('stg_payment') }} as payment
inner join orders on payment.parent_key = orders.order_key
inner join {{ ref('stg_regulars__settings') }} as settings on settings.refund_by_payment
where payment.amount < 0 and {{ is_settled('payment.status') }}
