-- What each known customer was when a period started: fixed for the period and for the one before it.
with periods as (
  select * from {{ ref('int_kpi_period') }}
  where period_grain <> 'week'
),

known as (
  select
    periods.period_grain,
    periods.period_start,
    days.customer_key,
    days.spend_year,
    {{ state_at_start(days_between('days.purchased_on', 'periods.eve'), 'days.purchase_day_no') }} as eve_state,
    {{ state_basic(days_between('days.purchased_on', 'periods.eve'), 'days.purchase_day_no') }}
      as lifecycle
  from periods
  inner join {{ ref('int_customer_purchase_day') }} as days
    on periods.eve >= days.purchased_on and (days.next_on is null or periods.eve < days.next_on)
  cross join {{ ref('stg_regulars__settings') }} as settings
),

ranked as (
  select
    *,
    percent_rank() over (partition by period_grain, period_start order by spend_year) as spend_rank
  from known
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
