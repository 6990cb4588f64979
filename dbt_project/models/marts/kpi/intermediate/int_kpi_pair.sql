-- Each node in a period and in the one before. A ratio that is undefined on one side takes the other
-- side's value in the decomposition, so that the whole change goes to its base.
with values_with_start as (
  select
    nodes.*,
    periods.previous_start,
    periods.year_ago_start
  from {{ ref('int_kpi_value') }} as nodes
  inner join {{ ref('int_kpi_period') }} as periods
    on nodes.period_grain = periods.period_grain and nodes.period_start = periods.period_start
)

select
  now_.period_grain,
  now_.period_start,
  now_.dimension,
  now_.member,
  now_.root_code,
  now_.node_code,
  now_.value,
  before_.value as previous_value,
  year_ago.value as year_ago_value,
  before_.node_code is not null as has_previous,
  coalesce(now_.value, before_.value, 0) as new_value,
  coalesce(before_.value, now_.value, 0) as old_value
from values_with_start as now_
left join {{ ref('int_kpi_value') }} as before_
  on
    now_.period_grain = before_.period_grain
    and now_.previous_start = before_.period_start
    and now_.dimension = before_.dimension
    and now_.member = before_.member
    and now_.root_code = before_.root_code
    and now_.node_code = before_.node_code
left join {{ ref('int_kpi_value') }} as year_ago
  on
    now_.period_grain = year_ago.period_grain
    and now_.year_ago_start = year_ago.period_start
    and now_.dimension = year_ago.dimension
    and now_.member = year_ago.member
    and now_.root_code = year_ago.root_code
    and now_.node_code = year_ago.node_code
