-- What each known customer was when a period started: fixed for the period and for the one before it.
with periods as (
  select * from {{ ref('int_kpi_period') }}
  where period_grain <> 'week'
),

-- what went back is no purchase, and lowers what was spent
given_back as (
  select
    orders.customer_key,
    calendar.date_day as given_on,
    sum(orders.net_amount) as amount
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
  where not orders.is_purchase and not orders.is_cancelled and orders.customer_key <> -1
  group by orders.customer_key, calendar.date_day
),

known as (
  select
    periods.period_grain,
    periods.period_start,
    periods.eve,
    days.customer_key,
    days.purchased_on,
    days.spend_year as bought,
    {{ state_at_start(days_between('days.purchased_on', 'periods.eve'), 'days.purchase_day_no') }} as eve_state,
    {{ state_basic(days_between('days.purchased_on', 'periods.eve'), 'days.purchase_day_no') }}
      as lifecycle
  from periods
  inner join {{ ref('int_customer_purchase_day') }} as days
    on periods.eve >= days.purchased_on and (days.next_on is null or periods.eve < days.next_on)
  cross join {{ ref('stg_regulars__settings') }} as settings
),

returned as (
  select
    known.period_grain,
    known.period_start,
    known.customer_key,
    sum(given_back.amount) as amount
  from known
  inner join given_back
    on
      known.customer_key = given_back.customer_key
      and known.eve >= given_back.given_on
      and {{ add_days('known.purchased_on', -365) }} < given_back.given_on
  group by known.period_grain, known.period_start, known.customer_key
),

ranked as (
  select
    known.*,
    percent_rank() over (
      partition by known.period_grain, known.period_start order by known.bought + coalesce(returned.amount, 0)
    ) as spend_rank
  from known
  left join returned
    on
      known.period_grain = returned.period_grain
      and known.period_start = returned.period_start
      and known.customer_key = returned.customer_key
)

select
  ranked.period_grain,
  ranked.period_start,
  ranked.customer_key,
  ranked.eve_state,
  ranked.lifecycle,
  case
    when ranked.spend_rank > 1 - settings.value_high_share then 'high'
    when ranked.spend_rank <= settings.value_low_share then 'low'
    else 'middle'
  end as value_tier
from ranked
cross join {{ ref('stg_regulars__settings') }} as settings
