select
  model.model,
  model.version,
  model.status,
  model.is_current,
  model.message,
  model.estimator,
  model.horizon_days,
  model.training_rows,
  model.customers,
  model.base_rate,
  model.trained_as_of,
  model.scores_as_of,
  model.card,
  model.trained_at,
  settings.as_of
from {{ source('scores', 'model_run') }} as model
cross join {{ ref('stg_regulars__settings') }} as settings
