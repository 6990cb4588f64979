delete from {standard_customer} as s
where not exists (
  select 1 from {written} as w
  where w.source_system = s.source_system and w.customer_id = s.customer_id and w.raw_hash = s.raw_hash
)
