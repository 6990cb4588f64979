{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code', 'point'] -%}
{% set max_level = kpi().max_level -%}
-- The value of every node on the straight way from old to new, at the points of the quadrature.
with node as (
  select * from {{ ref('int_kpi_node') }}
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
  inner join node on pair.dimension = node.dimension and pair.root_code = node.root_code and pair.node_code = node.node_code
  cross join quadrature
  where pair.has_previous and node.operator is null
),

-- upwards: the value of each node at each point
{% for level in range(max_level, -1, -1) -%}
up_{{ level }} as (
  select leaf.*
  from leaf
  inner join node
    on leaf.dimension = node.dimension and leaf.root_code = node.root_code and leaf.node_code = node.node_code
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
  inner join node as child
    on below.dimension = child.dimension and below.root_code = child.root_code and below.node_code = child.node_code
  group by {% for key in keys %}below.{{ key }}, {% endfor %}child.parent_code, child.parent_operator
  {%- endif %}
){% if not loop.last %},{% endif %}

{% endfor -%}
{% for level in range(max_level + 1) -%}
select * from up_{{ level }}
{% if not loop.last %}union all {% endif %}
{%- endfor %}
