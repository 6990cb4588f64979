-- Billing writes capitals without accents, and the address of the first contract.
create view billing__subscribers as
select subscriber_no(i) as subscriber_no, case when is_org then 'organisation' else 'person' end as type,
  upper(strip_accents(case when is_org then company_name else family_name || ' ' || given_name end)) as name,
  case when not is_org then birth_date::varchar end as born, case when u('bill mail', i) < 0.3 then upper(email) end as email,
  upper(street) as street, upper(c.city) as city, c.postal_code, c.country, iso(known_day + 0.45) as since, known_day as day
from person join city c using (city_no) where has_line;

create view billing__plans as
select 'PL-' || plan_name as plan_no, plan_name as name, fee::varchar as fee, '24' as months, '2023-01-01' as valid_from
from (values ('Light', 9.99), ('Medium', 19.99), ('Large', 34.99)) p(plan_name, fee);

create view billing__rates as
select 'PL-' || plan_name as plan_no, service, time_band, unit, '0' as step_from, included::varchar as step_to, included::varchar as included,
  '0' as price, cap::varchar as cap from tariff
union all
select 'PL-' || plan_name, service, time_band, unit, included::varchar, step_to::varchar, '0', price_1::varchar, cap::varchar from tariff
union all
select 'PL-' || plan_name, service, time_band, unit, step_to::varchar, null, '0', price_2::varchar, cap::varchar from tariff;

create view billing__subscriptions as
select 'U' || i as subscription_no, subscriber_no(i) as subscriber_no, 'PL-' || plan_name as plan_no, product_no(1 + i % 20) as device_no,
  iso(known_day + 0.45) as started, case when n = 1 then iso(end_day) end as ended, iso_date(known_day + 730) as contract_end,
  case when n = 1 and u('says why', i) < 0.8 then end_reason end as reason,
  case when n = 1 and u('says where', i) < 0.5 then end_destination end as destination,
  case plan_name when 'Light' then '9.99' when 'Medium' then '19.99' else '34.99' end as fee,
  case when n = 1 then greatest(floor(end_day)::int, known_day + 1) else known_day end as day
from person, range(0, 2) t(n) where has_line and (n = 0 or end_day < 100000);

create view billing__usage as
select subscriber_no(i) as subscriber_no, 'U' || i as subscription_no, strftime(month, '%Y-%m') as month, service, time_band,
  case when dirt('usage', i * 1000 + m, ['units']) = 'units' and service = 'sms' then 'n/a' else units::varchar end as units,
  charged::varchar as charged, day
from used;

create view billing__invoices as
with invoice as (
  select i, m, day, (fee + charged)::decimal(12, 2) as amount, day + 15 + floor(case when u('slow', i) < 0.15 then 40 else 12 end * u2('pays', i, m))::int as pay_day,
    u2('never pays', i, m) < 0.02 as is_unpaid
  from line_month join (select i, m, sum(charged) as charged from used group by i, m) using (i, m)
)
select 'I' || i || '-' || m as invoice_no, subscriber_no(i) as subscriber_no, iso(day + 0.1) as issued, iso(day + 21.0) as due,
  case when n = 1 then iso(pay_day + 0.3) end as paid, amount::varchar as amount, case when n = 1 then amount::varchar else '0' end as paid_amount,
  case when n = 1 then pay_day else day end as day
from invoice, range(0, 2) t(n) where n = 0 or not is_unpaid;

create view billing__dirt as
select 'billing' as source_system, 'usage' as table_name, 'usage' as entity, 'units' as kind, 'cast_failed' as reason_code, 'units' as column_name,
  'subscription_no,month' as id_column, 'U' || i || ',' || strftime(month, '%Y-%m') as id, day
from used where service = 'sms' and dirt('usage', i * 1000 + m, ['units']) = 'units';
