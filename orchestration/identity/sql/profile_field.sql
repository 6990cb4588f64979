create or replace table {profile_field} as
with given as (select * from {external_profile} where _superseded_at is null),
field as (
  {fields}
  union all
  select _record_key, provider, valid_until, 'city', city from given
)
select m.customer_key, f.field, f.value, f.provider, f.valid_until, m.record_key
from field as f
join {profile_match} as m on m.record_key = f._record_key
where f.value is not null
