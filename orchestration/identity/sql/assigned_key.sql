select source_system, customer_id, source_customer_key,
  coalesce(k.customer_key, t.customer_key) as customer_key, rule, weight
from {record} as r
left join {kept} as k using (cluster_system, cluster_id)
left join {taken} as t using (cluster_system, cluster_id)
where old_key is distinct from coalesce(k.customer_key, t.customer_key) or old_rule is distinct from rule
order by source_system, customer_id
