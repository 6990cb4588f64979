{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'root_code'] -%}
-- Each child's share of its parent's change, from the children's own old and new values: exact by the same
-- integral, with the siblings of a product moving together from old to new.
with node as (
  select * from {{ ref('int_kpi_node') }}
  where parent_code is not null
),

pair as (
  select * from {{ ref('int_kpi_pair') }}
  where has_previous
),

factor as (
  select
    {% for key in keys %}pair.{{ key }},
{% endfor %}
    pair.node_code,
    quadrature.point,
    quadrature.weight,
    coalesce({{ product_of('others.old_value + quadrature.t * (others.new_value - others.old_value)') }}, 1) as slope
  from pair
  inner join node
    on pair.dimension = node.dimension and pair.root_code = node.root_code and pair.node_code = node.node_code
  cross join ({{ quadrature() }}) as quadrature
  left join node as sibling
    on
      node.dimension = sibling.dimension
      and node.root_code = sibling.root_code
      and node.parent_code = sibling.parent_code
      and node.node_code <> sibling.node_code
      and node.parent_operator = 'product'
  left join pair as others
    on
      sibling.node_code = others.node_code
      {% for key in keys %}and pair.{{ key }} = others.{{ key }}
      {% endfor %}
  group by {% for key in keys %}pair.{{ key }}, {% endfor %}pair.node_code, quadrature.point, quadrature.weight
)

select
  {% for key in keys %}pair.{{ key }},
{% endfor %}
  pair.node_code,
  max(node.sign) * max(pair.new_value - pair.old_value) * sum(factor.weight * factor.slope) as contribution_to_parent
from pair
inner join node
    on pair.dimension = node.dimension and pair.root_code = node.root_code and pair.node_code = node.node_code
inner join factor
  on
    pair.node_code = factor.node_code
    {% for key in keys %}and pair.{{ key }} = factor.{{ key }}
    {% endfor %}
group by {% for key in keys %}pair.{{ key }}, {% endfor %}pair.node_code
