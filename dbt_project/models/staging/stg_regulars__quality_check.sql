select
  source_system,
  entity,
  column_name,
  rule,
  dimension,
  observed,
  low,
  high,
  stops,
  passed,
  day
from {{ source('audit', 'quality_check') }}
