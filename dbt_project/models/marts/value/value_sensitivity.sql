select
  sensitivity.part,
  sensitivity.factor,
  sensitivity.customers,
  sensitivity.kept_share,
  sensitivity.moved_up,
  sensitivity.moved_down,
  settings.as_of
from {{ source('scores', 'value_sensitivity') }} as sensitivity
cross join {{ ref('stg_regulars__settings') }} as settings
