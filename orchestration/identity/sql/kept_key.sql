-- The one cluster that each key goes to, and the one key that each cluster keeps.
with claim as (
  select cluster_system, cluster_id, old_key as customer_key, count(*) as records,
    bool_or(source_customer_key = old_key) as has_founder
  from {record} where old_key is not null group by all
),
won as (
  select * from claim
  qualify row_number() over (
    partition by customer_key order by has_founder desc, records desc, cluster_system, cluster_id) = 1
)
select cluster_system, cluster_id, customer_key from won
join (select customer_key, min(valid_from) as since from {history} group by customer_key) using (customer_key)
qualify row_number() over (partition by cluster_system, cluster_id order by since, customer_key) = 1
