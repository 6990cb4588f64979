{% set near_days = 60 -%}
{% set buyer = 'source_system, customer_key, currency, alike' -%}
-- What went back and is said nowhere else (decision 0028), each in the order's currency: of what the orders bear, the
-- part beyond credit notes of the same customer. Refunds and notes that lie at most {{ near_days }} days from the next are one
-- run of them. In it a note stands for refunds of orders that were placed before it, the latest first. Of buyers whom
-- nobody knows it stands for a refund of its amount alone.
with refund as (
  select * from {{ ref('int_refund_by_order') }}
),

event as (
  select
    source_system,
    customer_key,
    currency,
    refunded_on as event_on,
    ordered_on as placed_on,
    0 as is_note,
    refund_key as event_key,
    {{ money('refund_amount') }} as amount
  from refund
  union all
  select
    source_system,
    customer_key,
    currency,
    ordered_on as noted_on,
    ordered_on,
    1,
    order_key,
    {{ money('credited_amount') }}
  from {{ ref('int_credit_note') }}
),

grouped as (
  select
    *,
    case when customer_key = -1 then amount else 0 end as alike
  from event
),

stepped as (
  select
    *,
    case
      when {{ days_between(
        'lag(event_on) over (partition by ' ~ buyer ~ ' order by event_on, event_key)', 'event_on'
      ) }} <= {{ near_days }} then 0
      else 1
    end as is_new_run
  from grouped
),

run_of as (
  select
    *,
    sum(is_new_run) over (
      partition by {{ buyer }}
      order by event_on, event_key
      rows between unbounded preceding and current row
    ) as run_no
  from stepped
),

-- refunds that no note stands for yet, after each event: never below zero, since a note says nothing of later orders
balance as (
  select
    *,
    sum(case when is_note = 1 then -amount else amount end) over (
      partition by {{ buyer }}, run_no
      order by placed_on, is_note, event_on, event_key
      rows between unbounded preceding and current row
    ) as total
  from run_of
),

unsaid as (
  select
    *,
    total - least(
      min(total) over (
        partition by {{ buyer }}, run_no
        order by placed_on, is_note, event_on, event_key
        rows between unbounded preceding and current row
      ),
      0
    ) as unsaid_amount
  from balance
),

-- what of a refund is never said: what the balance keeps of it to the end
least_after as (
  select
    event_key,
    is_note,
    amount,
    coalesce(
      lag(unsaid_amount) over (
        partition by {{ buyer }}, run_no order by placed_on, is_note, event_on, event_key
      ),
      0
    ) as unsaid_before,
    min(unsaid_amount) over (
      partition by {{ buyer }}, run_no
      order by placed_on, is_note, event_on, event_key
      rows between current row and unbounded following
    ) as least_unsaid
  from unsaid
),

kept as (
  select
    event_key as refund_key,
    {{ money('least(greatest(least_unsaid - unsaid_before, 0), amount)') }} as refund_amount
  from least_after
  where is_note = 0
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
