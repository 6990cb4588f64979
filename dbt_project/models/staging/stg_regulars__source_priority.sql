select
  source_system,
  priority
from {{ source('audit', 'source_priority') }}
