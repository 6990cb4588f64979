select
  measure,
  score,
  bound
from {{ source('audit', 'rfm_threshold') }}
