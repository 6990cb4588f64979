{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'node_code'] -%}
select
  pair.period_grain,
  pair.period_start,
  pair.dimension,
  pair.member,
  pair.root_code,
  pair.node_code,
  node.parent_code,
  node.level,
  node.sort_order,
  node.name,
  node.unit,
  node.operator,
  node.direction,
  node.owner_role,
  node.link_no,
  pair.value,
  pair.previous_value,
  pair.year_ago_value,
  pair.value - pair.previous_value as change,
  parent_part.contribution_to_parent,
  root_part.contribution_to_root,
  periods.is_complete,
  periods.period_end,
  settings.as_of
from {{ ref('int_kpi_pair') }} as pair
cross join {{ ref('stg_regulars__settings') }} as settings
inner join {{ ref('kpi_node') }} as node
  on pair.root_code = node.root_code and pair.node_code = node.node_code
inner join {{ ref('int_kpi_period') }} as periods
  on pair.period_grain = periods.period_grain and pair.period_start = periods.period_start
left join {{ ref('int_kpi_local') }} as parent_part
  on {% for key in keys %}pair.{{ key }} = parent_part.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
left join {{ ref('int_kpi_contribution') }} as root_part
  on {% for key in keys %}pair.{{ key }} = root_part.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
