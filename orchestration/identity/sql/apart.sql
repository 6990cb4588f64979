-- Decided to be different, or two customers whom a source relates to each other.
select left_system, left_customer_id, right_system, right_customer_id from {sound} where says_different
union
select m.owner, m.customer_id, n.owner, n.customer_id
from {customer_relation} as r
join {mention} as m on m.source_system = r.source_system and m.customer_id = r.customer_id
join {mention} as n on n.source_system = r.source_system and n.customer_id = r.related_customer_id
where r._superseded_at is null
  and list_contains({relations}, r.relation)
  and r.customer_id <> r.related_customer_id
