select
  periods.period_grain,
  periods.period_start,
  calendar.date_key
from {{ ref('dim_date') }} as calendar
inner join {{ ref('int_kpi_period') }} as periods
  on periods.period_start = {{ period_of('periods.period_grain', 'calendar') }}
