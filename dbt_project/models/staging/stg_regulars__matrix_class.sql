select
  kind,
  code,
  letter
from {{ source('audit', 'matrix_class') }}
