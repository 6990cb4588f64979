select a.customer_key as l, b.customer_key as r, 'address' as basis
from (
  select home, min(customer_key) as customer_key from {home}
  group by home
  having count(*) between 2 and 12
) as a
join {home} as b using (home)
where a.customer_key <> b.customer_key
union all
select a.customer_key, b.customer_key, 'relation'
from {customer_relation} as r
join {current_link} as a on a.source_system = r.source_system and a.customer_id = r.customer_id
join {current_link} as b on b.source_system = r.source_system and b.customer_id = r.related_customer_id
where r._superseded_at is null and r.relation = 'household' and a.customer_key <> b.customer_key
