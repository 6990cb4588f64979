with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

first_order as (
  select min(calendar.date_day) as first_day
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
),

days as (
  select calendar.*
  from {{ ref('dim_date') }} as calendar
  cross join settings
  cross join first_order
  where calendar.date_day between first_order.first_day and settings.as_of
),

periods as (
  select distinct
    'week' as period_grain,
    week_start as period_start
  from days
  union all
  select distinct
    'month',
    month_start
  from days
  union all
  select distinct
    'quarter',
    quarter_start
  from days
),

spans as (
  select
    period_grain,
    period_start,
    {{ add_days('period_start', -1) }} as eve,
    case period_grain
      when 'week' then {{ add_days('period_start', 6) }}
      when 'month' then {{ add_days(add_months('period_start', 1), -1) }}
      else {{ add_days(add_months('period_start', 3), -1) }}
    end as period_end,
    case period_grain
      when 'week' then {{ add_days('period_start', -7) }}
      when 'month' then {{ add_months('period_start', -1) }}
      else {{ add_months('period_start', -3) }}
    end as previous_start,
    case period_grain
      when 'week' then {{ add_days('period_start', -364) }}
      else {{ add_months('period_start', -12) }}
    end as year_ago_start
  from periods
)

select
  spans.*,
  spans.period_start >= first_order.first_day and spans.period_end <= settings.as_of as is_complete
from spans
cross join settings
cross join first_order
