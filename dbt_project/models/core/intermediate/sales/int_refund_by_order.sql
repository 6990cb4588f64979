{% set columns = [
  'refund_basis', 'refund_key', 'record_key', 'refund_id', 'order_key', 'source_system', 'customer_key', 'currency',
  'product_id', 'ordered_on', 'refunded_on', 'refunded_at', 'quantity', 'sold_amount', 'sold_cost', 'goods_amount', 'refund_amount',
] -%}
-- What of each return and payment below zero its order bears (decision 0028), in the order's currency: lines of goods
-- taken back say it first, then returns, then payments, the latest of them first: what was charged back early may have
-- been paid anew. Never more than the order came to.
with orders as (
  select
    orders.*,
    coalesce(link.customer_key, -1) as customer_key,
    coalesce(orders.currency, settings.currency) as known_currency
  from {{ ref('int_refunded_order') }} as orders
  cross join {{ ref('stg_regulars__settings') }} as settings
  left join {{ ref('stg_customer_link') }} as link
    on
      orders.source_system = link.source_system
      and orders.customer_id = link.customer_id
      and link.valid_to is null
),

claim as (
  select
    claim.*,
    orders.source_system,
    orders.customer_key,
    orders.known_currency as currency,
    orders.ordered_on,
    orders.order_amount,
    orders.taken_back,
    orders.refundable_by_payment,
    sum(claim.claimed_amount) over (
      partition by claim.order_key, claim.refund_basis
      order by
        case when claim.refund_basis = 'payment' then -{{ epoch_seconds('claim.refunded_at') }} else {{ epoch_seconds('claim.refunded_at') }} end,
        claim.record_key
      rows between unbounded preceding and current row
    ) as claimed_so_far
  from {{ ref('int_refund_claim') }} as claim
  inner join orders on claim.order_key = orders.order_key
),

by_return as (
  select
    *,
    greatest(claimed_so_far - taken_back, 0) - greatest(claimed_so_far - claimed_amount - taken_back, 0) as goods_amount,
    {{ between_bounds('claimed_so_far', 'taken_back', 'order_amount + taken_back') }}
    - {{ between_bounds('claimed_so_far - claimed_amount', 'taken_back', 'order_amount + taken_back') }} as refund_amount
  from claim
  where refund_basis = 'return'
),

returned as (
  select
    order_key,
    sum(refund_amount) as returned_amount
  from by_return
  group by order_key
),

by_payment as (
  select
    claim.*,
    0 as goods_amount,
    {{ between_bounds('claimed_so_far', '0', 'refundable_by_payment - coalesce(returned_amount, 0)') }}
    - {{ between_bounds('claimed_so_far - claimed_amount', '0', 'refundable_by_payment - coalesce(returned_amount, 0)') }}
      as refund_amount
  from claim
  left join returned on claim.order_key = returned.order_key
  where claim.refund_basis = 'payment'
)

select {{ columns | join(', ') }}
from by_return
where refund_amount > 0
union all
select {{ columns | join(', ') }}
from by_payment
where refund_amount > 0
