create or replace table {review_pair} as
with used as (
  select source_system, customer_id, count(*) as facts
  from {sales_order}
  where customer_id is not null and _superseded_at is null
  group by all
)
select
  round(p.probability * (1 - p.probability) * (1 + ln(1 + coalesce(a.facts, 0) + coalesce(b.facts, 0))), 4) as gain,
  p.probability,
  round(p.weight, 2) as weight,
  p.left_system,
  p.left_customer_id,
  p.right_system,
  p.right_customer_id,
  p.evidence
from {record_pair} as p
left join used as a on a.source_system = p.left_system and a.customer_id = p.left_customer_id
left join used as b on b.source_system = p.right_system and b.customer_id = p.right_customer_id
where p.standing = 'review'
