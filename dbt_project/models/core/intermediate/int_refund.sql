{% set near_days = 60 -%}
-- What went back and is said nowhere else (decision 0028), each in the order's currency. Per order, lines of goods
-- taken back say it first, then returns, then payments; never more than the order came to. A credit note of the same
-- customer over the same amount, at most {{ near_days }} days away, says the same once more.
with claim as (
  select
    claim.*,
    orders.source_system,
    orders.customer_id,
    orders.order_amount,
    orders.taken_back,
    orders.refundable_by_payment,
    sum(claim.claimed_amount) over (
      partition by claim.order_key, claim.refund_basis
      order by claim.refunded_at, claim.record_key
      rows between unbounded preceding and current row
    ) as claimed_so_far
  from {{ ref('int_refund_claim') }} as claim
  inner join {{ ref('int_refunded_order') }} as orders on claim.order_key = orders.order_key
),

by_return as (
  select
    *,
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
    {{ between_bounds('least(claimed_so_far, refundable_by_payment)', 'coalesce(returned_amount, 0)', 'refundable_by_payment') }}
    - {{ between_bounds(
      'least(claimed_so_far - claimed_amount, refundable_by_payment)', 'coalesce(returned_amount, 0)', 'refundable_by_payment'
    ) }} as refund_amount
  from claim
  left join returned on claim.order_key = returned.order_key
  where claim.refund_basis = 'payment'
),

both_ways as (
  select
    refund_basis,
    refund_key,
    record_key,
    refund_id,
    order_key,
    source_system,
    customer_id,
    product_id,
    refunded_on,
    refunded_at,
    quantity,
    sold_amount,
    sold_cost,
    refund_amount
  from by_return
  union all
  select
    refund_basis,
    refund_key,
    record_key,
    refund_id,
    order_key,
    source_system,
    customer_id,
    product_id,
    refunded_on,
    refunded_at,
    quantity,
    sold_amount,
    sold_cost,
    refund_amount
  from by_payment
),

refund as (
  select
    *,
    row_number() over (
      partition by source_system, customer_id, refund_amount order by refunded_on, refund_key
    ) as place
  from both_ways
  where refund_amount > 0
),

credit_note as (
  select
    *,
    row_number() over (
      partition by source_system, customer_id, credited_amount order by ordered_on, order_key
    ) as place
  from {{ ref('int_credit_note') }}
)

select
  refund.refund_basis,
  refund.refund_key,
  refund.record_key,
  refund.refund_id,
  refund.order_key,
  refund.product_id,
  refund.refunded_on,
  refund.refunded_at,
  refund.quantity,
  {{ money('refund.refund_amount') }} as refund_amount,
  {{ modelled_money(
    'refund.sold_cost * least(' ~ safe_divide('refund.refund_amount', 'refund.sold_amount') ~ ', 1)'
  ) }} as cost_amount
from refund
left join credit_note
  on
    refund.source_system = credit_note.source_system
    and refund.customer_id = credit_note.customer_id
    and refund.refund_amount = credit_note.credited_amount
    and refund.place = credit_note.place
    and abs({{ days_between('refund.refunded_on', 'credit_note.ordered_on') }}) <= {{ near_days }}
where credit_note.order_key is null
