-- A profile is a customer when exactly one customer shares these with it.
create or replace table {profile_match} as
with candidate as (
  select p.customer_id as record_key, s.source_system, s.customer_id, 'email' as basis
  from {standard_profile} as p
  join {standard} as s on p.email = s.email
  where p.family in (s.family, s.given)
    or p.given in (s.given, s.family)
    or p.organisation = s.organisation
    or coalesce(p.name_key, p.organisation) is null
  union all
  select p.customer_id, s.source_system, s.customer_id, 'phone'
  from (select *, unnest(phones) as number from {standard_profile}) as p
  join (select *, unnest(phones) as number from {standard}) as s using (number)
  where p.family in (s.family, s.given) or p.given in (s.given, s.family) or p.organisation = s.organisation
  union all
  select p.customer_id, s.source_system, s.customer_id, 'name and birth date'
  from {standard_profile} as p
  join {standard} as s on p.name_key = s.name_key and p.birth_date = s.birth_date
  union all
  select p.customer_id, s.source_system, s.customer_id, 'name and address'
  from {standard_profile} as p
  join {standard} as s
    on coalesce(p.name_key, p.organisation) = coalesce(s.name_key, s.organisation)
    and p.street = s.street
    and p.house_no is not distinct from s.house_no
    and coalesce(p.postal_code, p.city) = coalesce(s.postal_code, s.city)
)
select record_key::bigint as record_key, min(l.customer_key) as customer_key, min(basis) as basis
from candidate as c
join {current_link} as l using (source_system, customer_id)
group by record_key
having count(distinct l.customer_key) = 1
