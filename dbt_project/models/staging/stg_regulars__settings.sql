select
  company,
  title,
  currency,
  timezone,
  week_start_iso,
  fiscal_year_start_month,
  new_days,
  at_risk_after_days,
  lost_after_days,
  as_of,
  known_at,
  version,
  built_at
from {{ source('audit', 'refresh_settings') }}
