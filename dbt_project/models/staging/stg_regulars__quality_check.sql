select
  source_system,
  entity,
  coalesce(column_name, '*') as column_name,
  rule,
  dimension,
  observed,
  low,
  high,
  stops,
  passed,
  day
from {{ source('audit', 'quality_check') }}
