select p.* exclude (evidence), '' as decision, '' as reason, {sides}
from {review_pair} as p
join {current_record} as l on l.source_system = p.left_system and l.customer_id = p.left_customer_id
join {current_record} as r on r.source_system = p.right_system and r.customer_id = p.right_customer_id
order by gain desc, p.left_system, p.left_customer_id, p.right_system, p.right_customer_id
{limited}
