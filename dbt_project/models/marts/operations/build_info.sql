select
  version,
  company,
  title,
  currency,
  timezone,
  as_of,
  known_at,
  built_at
from {{ ref('stg_regulars__settings') }}
