-- The tree of each dimension. Where it does not know a measure (a store has no customers of its own to start a period
-- with), the nodes that need it are left out with their siblings, and their parent is a leaf.
{{ inline_rows(kpi().nodes, {
  'dimension': 'string', 'root_code': 'string', 'node_code': 'string', 'parent_code': 'string', 'level': 'integer',
  'operator': 'string', 'sign': 'integer', 'parent_operator': 'string', 'is_ratio': 'boolean',
}) }}
