select
  model,
  version,
  population,
  estimator,
  metric,
  value,
  low,
  high
from {{ source('scores', 'model_metric') }}
