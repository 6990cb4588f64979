select
  source_system,
  table_name,
  load_id,
  rows_read,
  rows_landed,
  rows_rejected,
  bytes,
  seconds,
  cursor_from,
  cursor_to,
  drift,
  loaded_at
from {{ source('audit', 'load_audit') }}
