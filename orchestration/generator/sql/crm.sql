-- The CRM follows moves and marriages, and writes titles and honorifics. A row per customer and change.
create view crm__customers as
with version as (
  select *, unnest(list_filter([known_day, move_day, wedding_day,
      case when end_day < 100000 and u('told', i) < 0.3 then floor(end_day)::int end], lambda d: d is not null)) as day
  from person
)
select crm_no(i) as customer_no, case when is_org then 'organisation' else 'person' end as type,
  case when is_org then null when is_cjk then pick(['先生', '女士', '教授', null], u('title', i))
    else pick(['Dr.', 'Prof. Dr.', null, null, null, null, null], u('title', i)) end as title,
  case when not is_org then given_name end as given_name,
  case when is_org then null when wedding_day <= day then spouse_name else family_name end as family_name,
  case when is_org then company_name end as organisation,
  case when is_org then null when dirt('customers', i, ['gender', 'born']) = 'gender' then 'unbekannt' else gender end as gender,
  case when is_org then null when dirt('customers', i, ['gender', 'born']) = 'born' then '1985-02-30' else birth_date::varchar end
    as born,
  case when u('crm mail', i) < 0.85 then email end as email, mobile,
  case when u('id', i) < 0.2 then 'ID' || lpad(((i * 7919) % 1000000007)::varchar, 10, '0') end as national_id,
  case when move_day <= day then 'Neue Straße ' || (1 + i % 90) else street end as street, c.city, c.region, c.country,
  c.postal_code, c.latitude::varchar as latitude, c.longitude::varchar as longitude,
  case when is_org then pick(['retail', 'software', 'logistics', 'health'], u('industry', i)) end as industry,
  case when is_org then (3 + floor(400 * pow(u('staff', i), 3)))::int::varchar end as employees,
  case when u('score', i) < 0.5 then round(300 + 550 * (1 - u('risk', i)))::int::varchar end as credit_score,
  case when not is_org then pick(['employee', 'worker', 'student', 'retired', 'self-employed'], u('job', i)) end as occupation,
  case when is_cjk then 'zh' else pick(['de', 'en'], u('language', i)) end as language,
  case segment when 'premium' then 'high' when 'budget' then 'low' else 'middle' end as income,
  pick(['shop', 'web', 'fair', 'referral', 'campaign'], u('won', i)) as acquired_by,
  case when end_day <= day + 1 and u('told', i) < 0.3 then 'ceased' else 'active' end as status,
  case when u('listed', i) < 0.3 then '1' else '0' end as listed,
  iso(reg_day + 0.4) as registered_at, iso(day + 0.5) as changed_at, day
from version join city c using (city_no);

-- A relation is written once both are known; both are of the same ten rows, so that blocks do not matter.
create view crm__relations as
select crm_no(r.i) as customer_no, crm_no(r.related) as related_no, r.relation, r.department, r.job_title, r.decision_role,
  iso(greatest(r.known_day, p.known_day) + 0.5) as changed_at, greatest(r.known_day, p.known_day) as day
from (
  select i, household_no as related, known_day, 'household' as relation, null::varchar as department, null::varchar as job_title,
    null::varchar as decision_role
  from person where household_no <> i
  union all
  select i + 1, i, known_day, 'contact_of', pick(['purchasing', 'finance', 'IT'], u('dept', i)), pick(['head', 'clerk'], u('role', i)),
    pick(['decider', 'influencer', 'user'], u('decides', i))
  from person where is_org and i % 10 < 9
  union all
  select i, i - i % 10, known_day, 'parent', null, null, null from person where is_org and i % 10 > 0
  union all
  select i, i - 7, known_day, 'referral', null, null, null from person where i % 10 >= 7 and u('referred', i) < 0.12
) r join person p on p.i = case r.relation when 'contact_of' then r.i else r.related end
where exists (select 1 from person c where c.i = r.related)
  and (r.relation <> 'parent' or exists (select 1 from person c where c.i = r.related and c.is_org));

create view crm__consents as
select crm_no(i) as customer_no, channel, case when u2('consent', i, n) < 0.78 then 'granted' else 'denied' end as status,
  'marketing' as purpose, iso(at_day) as changed_at, floor(at_day)::int as day
from (
  select i, channel, n, known_day + floor(u2('consented', i, n) * 30) + 0.6 as at_day
  from person, (values ('email', 1), ('sms', 2), ('outbound_call', 3)) c(channel, n)
);

create view crm__services as
select 'V' || i || '-' || n as event_no, crm_no(i) as customer_no, product_no(1 + floor(u2('device', i, n) * 20)::int) as product_no,
  'ST' || (1 + i % 24) as store_no, iso(known_day + n * 60 + 0.4) as due_at,
  case when u2('came', i, n) < 0.7 then iso(known_day + n * 60 + floor(20 * u2('late', i, n)) + 0.5) end as done_at,
  pick([null, 'F01', 'F02', 'F07'], u2('fault', i, n)) as fault, (20 + 60 * u2('fee', i, n))::decimal(9, 2)::varchar as amount,
  iso(known_day + n * 60 + 20.5) as changed_at, known_day + n * 60 + 20 as day
from person, range(1, 60) t(n) where u('owns', i) < 0.12 and known_day + n * 60 + 20 < end_day;

-- Two analysts' decisions a month on records of the same or of different people.
create view crm__decisions as
select 'crm' as left_system, crm_no(5 + 10 * n) as left_no, 'shop' as right_system,
  shop_no(case when n % 3 = 0 then 6 else 5 end + 10 * n) as right_no,
  case when n % 3 = 0 then 'different' else 'same' end as decision, 'analyst ' || (1 + n % 2) as decided_by,
  case when n % 3 = 0 then 'other birth date' else 'called the customer' end as reason, iso(20 + 15 * n + 0.6) as changed_at,
  (20 + 15 * n)::int as day
from range(0, 400) t(n) where 6 + 10 * n < getvariable('customers');

create view crm__agents as
select 'A' || lpad(n::varchar, 3, '0') as agent_no, 'Agent ' || n as name, pick(['North', 'South', 'Digital'], u('team', n)) as team,
  pick(['own', 'own', 'CallPlus'], u('vendor', n)) as vendor, pick(['service', 'sales', 'telemarketing', 'field'], u('agent role', n))
    as role, (date '2018-01-01' + (u('hired', n) * 2000)::int)::varchar as hired_on, (16 + floor(14 * u('wage', n)))::varchar as hourly_cost
from range(1, 61) t(n);

create view crm__dirt as
select 'crm' as source_system, 'customers' as table_name, 'customer' as entity, kind,
  case kind when 'gender' then 'value_not_allowed' else 'cast_failed' end as reason_code,
  case kind when 'gender' then 'gender' else 'birth_date' end as column_name, 'customer_no' as id_column, crm_no(i) as id, known_day as day
from (select i, known_day, dirt('customers', i, ['gender', 'born']) as kind from person where not is_org) where kind is not null;
