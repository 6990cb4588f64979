-- The rate of each currency and day that orders were placed in: the last one known by then, if it is not too old.
with needed as (
  select distinct
    orders.currency,
    orders.ordered_on,
    {{ add_days('orders.ordered_on', '-settings.exchange_rate_max_age_days') }} as oldest
  from {{ ref('stg_sales_order') }} as orders
  inner join {{ ref('stg_regulars__settings') }} as settings on orders.currency <> settings.currency
),

-- of what several sources say of a day, the one that changed last counts
rate as (
  select
    currency,
    day as rate_on,
    rate_to_base,
    row_number() over (partition by currency, day order by version_at desc, source_system asc) as preference
  from {{ ref('stg_exchange_rate') }}
  where rate_to_base > 0 and rate_to_base <= 1000000
),

last_known as (
  select
    needed.currency,
    needed.ordered_on,
    max(rate.rate_on) as rate_on
  from needed
  inner join rate
    on needed.currency = rate.currency and needed.ordered_on >= rate.rate_on and needed.oldest <= rate.rate_on
  group by needed.currency, needed.ordered_on
)

select
  last_known.currency,
  last_known.ordered_on,
  last_known.rate_on,
  rate.rate_to_base as exchange_rate
from last_known
inner join rate
  on last_known.currency = rate.currency and last_known.rate_on = rate.rate_on and rate.preference = 1
