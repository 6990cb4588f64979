-- Every measure now and before, in one long table. Groups of customers bring both sides, since nobody changes the group
-- between the two; all others had before what they had in the period before.
with own as (
  select * from {{ ref('int_kpi_measure_company') }}
  union all
  select * from {{ ref('int_kpi_measure_order') }}
)

select
  own.period_grain,
  own.period_start,
  own.dimension,
  own.member,
  'now' as side,
  own.measure,
  own.amount
from own
union all
select
  own.period_grain,
  periods.period_start,
  own.dimension,
  own.member,
  'before',
  own.measure,
  own.amount
from own
inner join {{ ref('int_kpi_period') }} as periods
  on own.period_grain = periods.period_grain and own.period_start = periods.previous_start
union all
select
  period_grain,
  period_start,
  dimension,
  member,
  side,
  measure,
  amount
from {{ ref('int_kpi_measure_customer') }}
