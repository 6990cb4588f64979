select *
from (
  {matched}
  select source_system, customer_id, source_system, customer_id, {alone}, null
  from {present} anti join {standard} using (source_system, customer_id)
) as cluster (source_system, customer_id, cluster_system, cluster_id, rule, weight)
