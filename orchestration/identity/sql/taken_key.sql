-- Clusters that no key comes to take back the own key of one of their records.
select cluster_system, cluster_id, r.source_customer_key as customer_key
from {record} as r
anti join {kept} as k using (cluster_system, cluster_id)
left join (select distinct customer_key from {history}) as h on h.customer_key = r.source_customer_key
where r.source_customer_key not in (select customer_key from {kept})
qualify row_number() over (
  partition by cluster_system, cluster_id
  order by h.customer_key is null, (source_system, customer_id) <> (cluster_system, cluster_id),
    source_system, customer_id) = 1
