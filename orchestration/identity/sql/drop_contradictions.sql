delete from {sound} as s using {contradiction} as c
where s.left_system = c.left_system
  and s.left_customer_id = c.left_customer_id
  and s.right_system = c.right_system
  and s.right_customer_id = c.right_customer_id
