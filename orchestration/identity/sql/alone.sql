select distinct
  source_system, customer_id,
  source_system as cluster_system,
  customer_id as cluster_id,
  {alone} as rule,
  cast(null as double) as weight
from {records}
order by source_system, customer_id
