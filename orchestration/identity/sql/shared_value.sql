insert into {shared_value}
with given as (
  select
    unnest({values}) as value, source_system, kind, organisation, given, family,
    coalesce(postal_code, city) as place,
    coalesce(postal_code, city) || ' ' || house_no as door
  from {standard_customer}
),
often as (
  select value from given
  where value is not null
  group by value
  having count(*) > {most_names}
    or (({placeholder}) and count(*) > 1)
    or count(distinct case when kind = 'organisation' then coalesce(door, place) end) > 1
),
seen as (select * from given semi join often using (value)),
company as (
  select distinct value from seen
  where kind = 'organisation'
  group by value, source_system
  having count(distinct place) > 1 or count(distinct door) > 1
)
select {rule}, value, count(*), count(distinct {initials})
from seen
left join (select value, true as is_company from company) using (value)
group by value
having count(distinct {initials}) > {most_names} or bool_or({placeholder}) or bool_or(is_company)
