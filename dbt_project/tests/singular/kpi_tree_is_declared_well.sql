{{ config(meta={'dagster': {'ref': {'name': 'kpi_node'}}}) }}
-- A node is one level below its parent, within the unrolled depth; a product has no signs; an operator has children.
select
  child.root_code,
child.node_code
from {{ ref('kpi_node') }} as child
left join {{ ref('kpi_node') }} as parent
  on child.root_code = parent.root_code and child.parent_code = parent.node_code
left join {{ ref('kpi_node') }} as below
  on child.root_code = below.root_code and child.node_code = below.parent_code
group by child.root_code, child.node_code, child.level, child.parent_code, child.operator, child.sign, parent.node_code,
  parent.level, parent.operator
having
  child.level <> coalesce(parent.level + 1, 0)
  or child.level > {{ var('kpi_max_level') }}
  or (child.parent_code is not null and parent.node_code is null)
  or child.sign not in (-1, 1)
  or (parent.operator = 'product' and child.sign <> 1)
  or (child.operator is null) <> (count(below.node_code) = 0)
