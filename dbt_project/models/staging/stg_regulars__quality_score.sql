select
  source_system,
  entity,
  column_name,
  day,
  completeness,
  validity,
  uniqueness,
  consistency,
  timeliness,
  accuracy,
  score
from {{ source('audit', 'quality_score') }}
where day <= (select as_of from {{ source('audit', 'refresh_settings') }})
