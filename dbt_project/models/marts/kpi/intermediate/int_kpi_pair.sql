{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'node_code'] -%}
-- Each node in a period and in the one before. A ratio that is undefined on one side takes the other side's
-- value in the decomposition, so that the whole change goes to its base. A member that is there on one side only
-- has no factors to compare: its whole change is one part (kpi_tree).
with now_ as (
  select * from {{ ref('int_kpi_value') }}
  where side = 'now'
),

before_ as (
  select * from {{ ref('int_kpi_value') }}
  where side = 'before'
),

both_sides as (
  select
    {% for key in keys -%}
    coalesce(now_.{{ key }}, before_.{{ key }}) as {{ key }},
    {% endfor -%}
    now_.value,
    before_.value as previous_value,
    now_.node_code is not null as is_now,
    before_.node_code is not null as is_before
  from now_
  full outer join before_
    on {% for key in keys %}now_.{{ key }} = before_.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
)

select
  {% for key in keys -%}
  both_sides.{{ key }},
  {% endfor -%}
  both_sides.value,
  both_sides.previous_value,
  year_ago.value as year_ago_value,
  both_sides.is_now,
  both_sides.is_now and both_sides.is_before as has_previous,
  both_sides.is_now and not both_sides.is_before and earlier.period_start is not null as is_new,
  coalesce(both_sides.value, both_sides.previous_value, 0) as new_value,
  coalesce(both_sides.previous_value, both_sides.value, 0) as old_value
from both_sides
inner join {{ ref('int_kpi_period') }} as periods
  on both_sides.period_grain = periods.period_grain and both_sides.period_start = periods.period_start
left join {{ ref('int_kpi_period') }} as earlier
  on periods.period_grain = earlier.period_grain and periods.previous_start = earlier.period_start
left join now_ as year_ago
  on
    both_sides.period_grain = year_ago.period_grain
    and periods.year_ago_start = year_ago.period_start
    and both_sides.dimension = year_ago.dimension
    and both_sides.member = year_ago.member
    and both_sides.root_code = year_ago.root_code
    and both_sides.node_code = year_ago.node_code
