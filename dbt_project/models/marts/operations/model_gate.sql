select
  model,
  version,
  gate,
  is_passed,
  observed,
  bound,
  message
from {{ source('scores', 'model_gate') }}
