{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'point'] -%}
{% set max_level = var('kpi_max_level') | int -%}
-- Shapley contributions of every node to its root: the tree's gradient on the way from old to new,
-- integrated exactly (see quadrature). Leaves get theirs directly, inner nodes the sum of their leaves.
with node as (
  select
    child.*,
    parent.operator as parent_operator
  from {{ ref('kpi_node') }} as child
  left join {{ ref('kpi_node') }} as parent
    on child.root_code = parent.root_code and child.parent_code = parent.node_code
),

quadrature as (
  {{ quadrature() }}
),

leaf as (
  select
    pair.period_grain,
    pair.period_start,
    pair.dimension,
    pair.member,
    pair.root_code,
    quadrature.point,
    pair.node_code,
    pair.old_value + quadrature.t * (pair.new_value - pair.old_value) as value
  from {{ ref('int_kpi_pair') }} as pair
  inner join node on pair.root_code = node.root_code and pair.node_code = node.node_code
  cross join quadrature
  where pair.has_previous and node.operator is null
),

-- upwards: the value of each node at each point
{% for level in range(max_level, -1, -1) -%}
up_{{ level }} as (
  select leaf.*
  from leaf
  inner join node on leaf.root_code = node.root_code and leaf.node_code = node.node_code
  where node.level = {{ level }}
  {% if level < max_level -%}
  union all
  select
    {% for key in keys %}below.{{ key }}, {% endfor %}
    child.parent_code,
    case child.parent_operator
      when 'sum' then sum(child.sign * below.value)
      else {{ product_of('below.value') }}
    end
  from up_{{ level + 1 }} as below
  inner join node as child on below.root_code = child.root_code and below.node_code = child.node_code
  group by {% for key in keys %}below.{{ key }}, {% endfor %}child.parent_code, child.parent_operator
  {%- endif %}
),

{% endfor -%}
evaluated as (
  {% for level in range(max_level + 1) -%}
  select * from up_{{ level }}
  {% if not loop.last %}union all {% endif %}
  {%- endfor %}
),

-- what a parent changes by when the child changes by one: its sign, or the product of its siblings
slope as (
  select
    {% for key in keys %}own.{{ key }}, {% endfor %}
    own.node_code,
    node.parent_code,
    case
      when node.parent_operator = 'sum' then max(node.sign)
      else coalesce({{ product_of('others.value') }}, 1)
    end as slope
  from evaluated as own
  inner join node on own.root_code = node.root_code and own.node_code = node.node_code
  left join node as sibling
    on
      node.root_code = sibling.root_code
      and node.parent_code = sibling.parent_code
      and node.node_code <> sibling.node_code
  left join evaluated as others
    on
      sibling.node_code = others.node_code
      {% for key in keys %}and own.{{ key }} = others.{{ key }}
      {% endfor %}
  where node.parent_code is not null
  group by {% for key in keys %}own.{{ key }}, {% endfor %}own.node_code, node.parent_code, node.parent_operator
),

-- downwards: what the root changes by
down_0 as (
  select evaluated.{{ keys | join(', evaluated.') }}, evaluated.node_code, cast(1 as double) as gradient
  from evaluated
  inner join node on evaluated.root_code = node.root_code and evaluated.node_code = node.node_code
  where node.parent_code is null
),

{% for level in range(1, max_level + 1) -%}
down_{{ level }} as (
  select
    {% for key in keys %}slope.{{ key }}, {% endfor %}
    slope.node_code,
    above.gradient * slope.slope as gradient
  from slope
  inner join down_{{ level - 1 }} as above
    on
      slope.parent_code = above.node_code
      {% for key in keys %}and slope.{{ key }} = above.{{ key }}
      {% endfor %}
),

{% endfor -%}
gradient as (
  {% for level in range(max_level + 1) -%}
  select * from down_{{ level }}
  {% if not loop.last %}union all {% endif %}
  {%- endfor %}
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
  inner join node on gradient.root_code = node.root_code and gradient.node_code = node.node_code
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
  inner join node as child on below.root_code = child.root_code and below.node_code = child.node_code
  where child.level = {{ level + 1 }}
  group by {% for key in keys[:-1] %}below.{{ key }}, {% endfor %}child.parent_code
    ){% if not loop.last %},{% endif %}

{% endfor -%}
  select * from part_0
