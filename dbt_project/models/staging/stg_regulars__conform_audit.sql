select
  source_system,
  entity,
  load_id,
  candidates,
  accepted,
  unchanged,
  quarantined,
  filtered,
  flagged
from {{ source('audit', 'conform_audit') }}
