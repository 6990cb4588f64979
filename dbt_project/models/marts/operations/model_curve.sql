select
  model,
  version,
  estimator,
  curve,
  point,
  x,
  y,
  customers
from {{ source('scores', 'model_curve') }}
