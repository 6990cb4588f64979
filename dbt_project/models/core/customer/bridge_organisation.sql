select
  tree.customer_key as organisation_key,
  tree.ancestor_key,
  cast(tree.level as integer) as level,
  tree.is_ultimate
from {{ ref('stg_organisation_ancestor') }} as tree
