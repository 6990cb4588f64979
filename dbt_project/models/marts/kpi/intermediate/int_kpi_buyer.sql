-- One row per grain, period and buyer, with the state that the buyer was in when the period started. Who placed only
-- orders whose amount nobody knows is no buyer of the period.
with periods as (
  select * from {{ ref('int_kpi_period') }}
),

first_in_period as (
  select
    periods.period_grain,
    periods.period_start,
    periods.eve,
    days.customer_key,
    min(days.purchase_day_no) as purchase_day_no,
    min_by(days.previous_on, days.purchase_day_no) as previous_on
  from {{ ref('int_customer_purchase_day') }} as days
  inner join {{ ref('dim_date') }} as calendar on days.purchased_on = calendar.date_day
  inner join periods
    on periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
  group by periods.period_grain, periods.period_start, periods.eve, days.customer_key
  having sum(days.valued_orders) > 0
)

select
  buyers.period_grain,
  buyers.period_start,
  buyers.customer_key,
  {{ state_at_start(days_between('buyers.previous_on', 'buyers.eve'), '(buyers.purchase_day_no - 1)') }} as start_state
from first_in_period as buyers
cross join {{ ref('stg_regulars__settings') }} as settings
