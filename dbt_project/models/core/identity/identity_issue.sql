select
  issue.issue,
  issue.kind,
  issue.rule,
  cast(issue.occurrences as integer) as occurrences,
  issue.records,
  issue.pairs,
  settings.as_of
from {{ ref('stg_identity_issue') }} as issue
cross join {{ ref('stg_regulars__settings') }} as settings
