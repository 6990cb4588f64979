{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'node_code'] -%}
with pair as (
  select * from {{ ref('int_kpi_pair') }}
),

-- A new or vanished member is one part of the change: its root, and one node below it.
entered_or_left as (
  select
    pair.*,
    case when pair.is_new then pair.value else -pair.previous_value end as whole_change
  from pair
  where pair.node_code = pair.root_code and (pair.is_new or not pair.is_now)
),

nodes as (
  select
    {% for key in keys %}pair.{{ key }}, {% endfor %}
    node.parent_code,
    node.level,
    node.operator,
    pair.value,
    pair.previous_value,
    pair.year_ago_value,
    pair.value - pair.previous_value as change,
    parent_part.contribution_to_parent,
    root_part.contribution_to_root
  from pair
  inner join {{ ref('int_kpi_node') }} as node
    on pair.dimension = node.dimension and pair.root_code = node.root_code and pair.node_code = node.node_code
  left join {{ ref('int_kpi_local') }} as parent_part
    on {% for key in keys %}pair.{{ key }} = parent_part.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
  left join {{ ref('int_kpi_contribution') }} as root_part
    on {% for key in keys %}pair.{{ key }} = root_part.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
  where pair.is_now and not (pair.is_new and pair.node_code = pair.root_code)
  union all
  select
    {{ keys | join(', ') }},
    null as parent_code,
    0 as level,
    'sum' as operator,
    coalesce(value, 0) as value,
    coalesce(previous_value, 0) as previous_value,
    year_ago_value,
    whole_change as change,
    null as contribution_to_parent,
    whole_change as contribution_to_root
  from entered_or_left
  union all
  select
    {{ keys[:-1] | join(', ') }},
    case when is_new then 'new_member' else 'vanished_member' end as node_code,
    root_code as parent_code,
    1 as level,
    null as operator,
    coalesce(value, 0) as value,
    coalesce(previous_value, 0) as previous_value,
    null as year_ago_value,
    whole_change as change,
    whole_change as contribution_to_parent,
    whole_change as contribution_to_root
  from entered_or_left
)

select
  {% for key in keys -%}
  nodes.{{ key }},
  {% endfor -%}
  nodes.parent_code,
  nodes.level,
  coalesce(declared.sort_order, 999) as sort_order,
  coalesce(declared.name, case nodes.node_code when 'new_member' then 'New here' else 'No longer here' end) as name,
  coalesce(declared.unit, root.unit) as unit,
  nodes.operator,
  coalesce(declared.direction, 'up') as direction,
  declared.owner_role,
  declared.link_no,
  nodes.value,
  nodes.previous_value,
  nodes.year_ago_value,
  nodes.change,
  nodes.contribution_to_parent,
  nodes.contribution_to_root,
  periods.is_complete,
  periods.period_end,
  settings.as_of
from nodes
cross join {{ ref('stg_regulars__settings') }} as settings
inner join {{ ref('int_kpi_period') }} as periods
  on nodes.period_grain = periods.period_grain and nodes.period_start = periods.period_start
left join {{ ref('int_kpi_declared') }} as declared on nodes.node_code = declared.node_code
left join {{ ref('int_kpi_declared') }} as root on nodes.root_code = root.node_code
