select
  field_group,
  rule_1,
  rule_2,
  rule_3
from {{ source('audit', 'survivorship_rule') }}
