create or replace table {identity_event} as
with moved as (
  select
    valid_from as occurred_at, before_key as from_customer_key, customer_key as to_customer_key,
    cast(count(*) as integer) as records, max(rule) as rule, max(weight) as weight
  from {span}
  where before_key <> customer_key
  group by all
)
select
  occurred_at,
  case
    when exists (
      select 1 from {span} as s
      where s.customer_key = m.from_customer_key
        and s.valid_from <= m.occurred_at
        and (s.valid_to is null or s.valid_to > m.occurred_at)
    ) then 'split'
    else 'merge'
  end as event,
  from_customer_key,
  to_customer_key,
  records,
  case rule
    when 'source_key' then 'no longer matched'
    when 'manual' then 'decision of an analyst'
    when 'fuzzy' then 'records alike'
    when 'identical' then 'records say the same'
    else 'same ' || replace(rule, '_', ' ')
  end as reason,
  rule,
  weight
from moved as m
