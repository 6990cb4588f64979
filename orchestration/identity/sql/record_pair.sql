create or replace table {record_pair} as
with named as (
  select form, min(source_system || chr(31) || customer_id) as name, count(*) as records
  from {standard}
  group by form
),
record as (
  select
    form, split_part(name, chr(31), 1) as source_system, split_part(name, chr(31), 2) as customer_id, records
  from named
),
decided as (
  select left_system, left_customer_id, right_system, right_customer_id, 'same' as decision from {together}
  union select right_system, right_customer_id, left_system, left_customer_id, 'same' from {together}
  union select left_system, left_customer_id, right_system, right_customer_id, 'different' from {apart}
  union select right_system, right_customer_id, left_system, left_customer_id, 'different' from {apart}
),
pair as (
  select
    p.kind,
    l.source_system as left_system,
    l.customer_id as left_customer_id,
    r.source_system as right_system,
    r.customer_id as right_customer_id,
    x.customer_key as left_customer_key,
    y.customer_key as right_customer_key,
    x.source_customer_key as left_source_key,
    y.source_customer_key as right_source_key,
    p.weight,
    p.rule,
    p.evidence,
    l.records * r.records as records
  from {form_pair} as p
  join record as l on l.form = p.left_form
  join record as r on r.form = p.right_form
  join {current_link} as x on x.source_system = l.source_system and x.customer_id = l.customer_id
  join {current_link} as y on y.source_system = r.source_system and y.customer_id = r.customer_id
)
select
  p.*,
  d.decision,
  p.left_customer_key = p.right_customer_key as is_linked,
  case
    when d.decision is not null then 'decided'
    when p.left_customer_key = p.right_customer_key then 'linked'
    else 'review'
  end as standing,
  round(1 / (1 + pow(2, -p.weight)), 6) as probability
from pair as p
left join decided as d using (left_system, left_customer_id, right_system, right_customer_id)
