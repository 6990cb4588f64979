{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'point'] -%}
{% set max_level = kpi().max_level -%}
-- Shapley contributions of every node to its root: the tree's gradient on the way from old to new,
-- integrated exactly (see quadrature). Leaves get theirs directly, inner nodes the sum of their leaves.
with node as (
  select * from {{ ref('int_kpi_node') }}
),

quadrature as (
  {{ quadrature() }}
),

gradient as (
  select * from {{ ref('int_kpi_gradient') }}
),

part_{{ max_level }} as (
  select
    pair.period_grain,
    pair.period_start,
    pair.dimension,
    pair.member,
    pair.root_code,
    pair.node_code,
    sum(quadrature.weight * gradient.gradient) * max(pair.new_value - pair.old_value) as contribution_to_root
  from gradient
  inner join quadrature on gradient.point = quadrature.point
  inner join node
    on
      gradient.dimension = node.dimension
      and gradient.root_code = node.root_code
      and gradient.node_code = node.node_code
  inner join {{ ref('int_kpi_pair') }} as pair
    on
      gradient.node_code = pair.node_code
      {% for key in keys[:-1] %}and gradient.{{ key }} = pair.{{ key }}
      {% endfor %}
  where node.operator is null
  group by {% for key in keys[:-1] %}pair.{{ key }}, {% endfor %}pair.node_code
),

-- upwards again: an inner node contributes what its children do
{% for level in range(max_level - 1, -1, -1) -%}
part_{{ level }} as (
  select * from part_{{ level + 1 }}
  union all
  select
    {% for key in keys[:-1] %}below.{{ key }}, {% endfor %}
    child.parent_code,
    sum(below.contribution_to_root)
  from part_{{ level + 1 }} as below
  inner join node as child
    on below.dimension = child.dimension and below.root_code = child.root_code and below.node_code = child.node_code
  where child.level = {{ level + 1 }}
  group by {% for key in keys[:-1] %}below.{{ key }}, {% endfor %}child.parent_code
    ){% if not loop.last %},{% endif %}

{% endfor -%}
  select * from part_0
