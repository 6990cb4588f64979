{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'point'] -%}
{% set max_level = kpi().max_level -%}
-- What the root changes by when a node does, at each point.
with node as (
  select * from {{ ref('int_kpi_node') }}
),

evaluated as (
  select * from {{ ref('int_kpi_evaluated') }}
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
  inner join node
    on own.dimension = node.dimension and own.root_code = node.root_code and own.node_code = node.node_code
  left join node as sibling
    on
      node.dimension = sibling.dimension
      and node.root_code = sibling.root_code
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
  inner join node
    on
      evaluated.dimension = node.dimension
      and evaluated.root_code = node.root_code
      and evaluated.node_code = node.node_code
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
){% if not loop.last %},{% endif %}

{% endfor -%}
{% for level in range(max_level + 1) -%}
select * from down_{{ level }}
{% if not loop.last %}union all {% endif %}
{%- endfor %}
