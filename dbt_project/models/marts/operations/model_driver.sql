select
  model,
  version,
  driver,
  weight
from {{ source('scores', 'model_driver') }}
