{{ inline_rows(kpi().words, {
  'root_code': 'string', 'node_code': 'string', 'sort_order': 'integer', 'name': 'string', 'unit': 'string',
  'direction': 'string', 'owner_role': 'string', 'link_no': 'integer', 'advice': 'string', 'advice_link_no': 'integer',
}) }}
