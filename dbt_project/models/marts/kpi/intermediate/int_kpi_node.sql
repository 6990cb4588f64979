-- The tree of each dimension. Slices of orders (a store, a category) have no customers of their own to start a
-- period with, so the nodes that need them are left out there, and their parent is a leaf.
with kept as (
  select
    dimension.dimension,
    node.*
  from {{ ref('kpi_node') }} as node
  cross join {{ ref('kpi_dimension') }} as dimension
  where dimension.basis = 'customer' or not node.needs_customers
),

parent as (
  select distinct
    dimension,
    root_code,
    parent_code
  from kept
)

select
  kept.dimension,
  kept.root_code,
  kept.node_code,
  kept.parent_code,
  kept.level,
  case when parent.parent_code is not null then kept.operator end as operator,
  kept.sign,
  kept.numerator,
  kept.denominator,
  above.operator as parent_operator
from kept
left join parent
  on kept.dimension = parent.dimension and kept.root_code = parent.root_code and kept.node_code = parent.parent_code
left join {{ ref('kpi_node') }} as above on kept.root_code = above.root_code and kept.parent_code = above.node_code
