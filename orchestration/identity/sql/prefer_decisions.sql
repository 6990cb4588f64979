-- An analyst's word stands above a relation.
delete from {apart} as a using {together} as t
where (a.left_system, a.left_customer_id, a.right_system, a.right_customer_id) in (
  (t.left_system, t.left_customer_id, t.right_system, t.right_customer_id),
  (t.right_system, t.right_customer_id, t.left_system, t.left_customer_id)
)
