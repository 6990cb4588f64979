select l.node as a, r.node as b, s.says_same
from {sound} as s
join {node} as l on l.system = s.left_system and l.id = s.left_customer_id
join {node} as r on r.system = s.right_system and r.id = s.right_customer_id
