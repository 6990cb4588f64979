{% set near_days = 60 -%}
-- What went back and is said nowhere else (decision 0028), each in the order's currency: of what the orders bear, the
-- part beyond credit notes of the same customer. Refunds and notes that lie at most {{ near_days }} days from the next are one
-- run of them, and in it the earliest refunds are what the notes say.
with refund as (
  select * from {{ ref('int_refund_by_order') }}
),

event as (
  select
    source_system,
    customer_key,
    currency,
    refunded_on as event_on,
    refund_key as event_key,
    refund_amount,
    0 as credited_amount
  from refund
  union all
  select
    source_system,
    customer_key,
    currency,
    ordered_on,
    order_key,
    0,
    credited_amount
  from {{ ref('int_credit_note') }}
),

stepped as (
  select
    *,
    case
      when {{ days_between(
        'lag(event_on) over (partition by source_system, customer_key, currency order by event_on, event_key)', 'event_on'
      ) }} <= {{ near_days }} then 0
      else 1
    end as is_new_run
  from event
),

run_of as (
  select
    *,
    sum(is_new_run) over (
      partition by source_system, customer_key, currency
      order by event_on, event_key
      rows between unbounded preceding and current row
    ) as run_no
  from stepped
),

beyond_notes as (
  select
    event_key,
    refund_amount,
    sum(refund_amount) over (
      partition by source_system, customer_key, currency, run_no
      order by event_on, event_key
      rows between unbounded preceding and current row
    ) as refunded_so_far,
    sum(credited_amount) over (partition by source_system, customer_key, currency, run_no) as credited
  from run_of
),

kept as (
  select
    event_key as refund_key,
    {{ money(
      'greatest(refunded_so_far - credited, 0) - greatest(refunded_so_far - refund_amount - credited, 0)'
    ) }} as refund_amount
  from beyond_notes
  where refund_amount > 0
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
  kept.refund_amount,
  {{ modelled_money(
    'refund.sold_cost * least(' ~ safe_divide('refund.goods_amount', 'refund.sold_amount') ~ ', 1) * '
    ~ safe_divide('kept.refund_amount', 'refund.refund_amount')
  ) }} as cost_amount
from refund
inner join kept on refund.refund_key = kept.refund_key
where kept.refund_amount > 0
