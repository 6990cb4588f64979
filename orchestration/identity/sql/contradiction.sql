select s.*
from {sound} as s
join {node} as l on l.system = s.left_system and l.id = s.left_customer_id
join {node} as r on r.system = s.right_system and r.id = s.right_customer_id
where l.node in (select node from {broken}) and r.node in (select node from {broken})
