select distinct least(l.rec, r.rec)::bigint as a, greatest(l.rec, r.rec)::bigint as b
from {bound} as d
join {member} as l on l.source_system = left_system and l.customer_id = left_customer_id
join {member} as r on r.source_system = right_system and r.customer_id = right_customer_id
where l.rec <> r.rec
order by a, b
