create or replace table {customer_link} as
with known as (
  select
    source_system, customer_id, {public_id} as public_customer_id, source_customer_key, customer_key, rule,
    weight, valid_from, valid_to
  from {span} semi join {present} using (source_system, customer_id)
)
select * from known
union all
select
  m.source_system, m.customer_id, p.public_customer_id, p.source_customer_key, p.customer_key, {shared_id},
  cast(null as double), p.valid_from, p.valid_to
from {mention} as m
join known as p on p.source_system = m.owner and p.customer_id = m.customer_id
where m.source_system <> m.owner and p.valid_to is null
