select
  issue,
  kind,
  rule,
  occurrences,
  records,
  pairs
from {{ source('identity', 'identity_issue') }}
