select
  source_system,
  table_name,
  load_id,
  rows_read,
  rows_landed,
  rows_rejected,
  bytes,
  seconds,
  cast(null as varchar) as cursor_from,
  cast(null as varchar) as cursor_to,
  loaded_at
from {{ source('audit', 'load_audit') }}
