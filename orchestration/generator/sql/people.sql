-- One row per customer of a block, with everything that is true of them and that no system knows whole.
create or replace table person as
with base as (
  select i, u('org', i) < 0.04 as is_org, u('cjk', i - case when lives then 1 else 0 end) < 0.28 as is_cjk,
    pick(['female', 'male'], u('gender', i)) as gender,
    pick(['budget', 'budget', 'family', 'family', 'business', 'premium'], u('segment', i)) as segment,
    case when lives then i - 1 else i end as household_no,
    case when u('base', i) < 0.4 then -floor(u('since', i) * 900)::int else floor(u('since', i) * 1100)::int end as reg_day
  -- Nearly three in ten live with the customer before them; nobody begins a chain.
  from (
    select i, i % 10 in (3, 6, 9) and u('household', i) < 0.8 and u('org', i) >= 0.04 and u('org', i - 1) >= 0.04 as lives
    from range(getvariable('first'), getvariable('last')) t(i)
  )
), fated as (
  select *, usual_gap * exp(0.45 * gauss('gap', i, 0)) as gap_days,
    reg_day + life_scale * pow(-ln(greatest(u('life', i), 1e-12)), 1 / 1.4) as natural_end,
    reg_day - 1500 * ln(greatest(u('bad day', i), 1e-12)) as bad_day,
    u('hurt', i) < 0.45 as leaves_for_it
  from base join segment_habit using (segment)
), ended as (
  select *, leaves_for_it and bad_day + 5 + 35 * u('weeks', i) < natural_end as is_driven_out,
    case when leaves_for_it then least(natural_end, bad_day + 5 + 35 * u('weeks', i)) else natural_end end as end_day
  from fated
)
select i, is_org, is_cjk, gender, segment, household_no, reg_day, gap_days, natural_end, bad_day, leaves_for_it, end_day,
  floor(greatest(reg_day, 0))::int as known_day,
  case when is_driven_out
    then pick(['service staff lack knowledge', 'unwilling response', 'service errors', 'configuration problems'], u('why', i))
    else pick(['price', 'price', 'place or time', 'other', 'hard to upgrade', 'hard sell'], u('why', i)) end as end_reason,
  pick(['competitor', 'competitor', 'substitute', 'nothing'], u('where', i)) as end_destination,
  case when is_cjk then pick([7, 8, 9], u('city', household_no)) else pick([1, 2, 3, 4, 5, 6, 10], u('city', household_no)) end
    as city_no,
  case when is_cjk then pick(getvariable('cjk_family'), u('family', household_no))
    else pick(getvariable('family'), u('family', household_no)) end as family_name,
  case when is_cjk and gender = 'female' then pick(getvariable('cjk_given_f'), u('given', i))
    when is_cjk then pick(getvariable('cjk_given_m'), u('given', i))
    when gender = 'female' then pick(getvariable('given_f'), u('given', i))
    else pick(getvariable('given_m'), u('given', i)) end as given_name,
  pick(getvariable('companies'), u('company', i)) || ' ' || (i % 97) || case when is_cjk then '有限公司'
    else pick([' GmbH', ' Ltd.', ' AG', ' Co., Ltd.'], u('form', i)) end as company_name,
  case when is_cjk then pick(getvariable('cjk_streets'), u('street', household_no))
      || (1 + floor(u('no', household_no) * 180))::int || '號'
    else pick(getvariable('streets'), u('street', household_no)) || ' ' || (1 + floor(u('no', household_no) * 180))::int end
    as street,
  date '1945-01-01' + (u('born', i) * 22500)::int as birth_date,
  case when u('moves', i) < 0.15 and greatest(reg_day, 0) + 30 < floor(u('move day', i) * 2500)
    then floor(u('move day', i) * 2500)::int end as move_day,
  case when u('marries', i) < 0.06 and gender = 'female' and not is_org and greatest(reg_day, 0) + 30 < floor(u('wedding', i) * 2500)
    then floor(u('wedding', i) * 2500)::int end as wedding_day,
  pick(getvariable('family'), u('spouse', i)) as spouse_name,
  pick(['web', 'shop', 'hotline', 'app'], u('channel', i)) as favourite_channel,
  u('account', i) < 0.65 as has_account, u('line', i) < 0.3 and end_day > 30 as has_line, u('holdout', i) < 0.05 as is_holdout,
  pick(['Light', 'Light', 'Medium', 'Large'], u('plan', i)) as plan_name,
  case when u('mail', i) < 0.97 then
    case when is_org then 'info' when is_cjk then 'c' else lower(replace(strip_accents(given_name), ' ', '')) || '.' end
    || case when is_cjk or is_org then ''
      else lower(replace(replace(replace(strip_accents(family_name), ' ', ''), '''', ''), 'ß', 'ss')) end
    || i || '@' || pick(['example.com', 'example.org', 'mail.example', 'example.net'], u('provider', i)) end as email,
  '+49 17' || (1 + i % 8) || ' ' || lpad((i % 10000000)::varchar, 7, '0') as mobile
from ended;

-- Who was written to, who was left alone on purpose, who answered with one more purchase.
create or replace table member as
select p.i, c.m, p.segment, c.start_day, c.channel, p.end_day, p.favourite_channel,
  case when p.is_holdout then 'holdout' when u2('arm', p.i, c.m) < 0.25 then 'control' else 'treatment' end as arm,
  u2('answers', p.i, c.m) < f.added_chance as would_add, u2('stays away', p.i, c.m) < f.lost_share as would_lose
from person p join segment_habit f using (segment) join campaign c
  on c.start_day > p.known_day and c.start_day < least(p.end_day, getvariable('days'))
where u2('chosen', p.i, c.m) < 0.15;

create or replace table purchase as
with gaps as (
  select p.i, k, p.reg_day, p.gap_days * exp(0.5 * gauss('order', p.i, k)) * case when k = 0 then 1.3 * u('first', p.i) else 1 end
      -- fewer days between purchases before Christmas, more in summer
      * (1 - 0.18 * cos(2 * pi() * ((p.known_day + k * p.gap_days) - 350) / 365.25)) as gap
  from person p, range(0, (20 + (getvariable('days') - p.known_day) / (p.gap_days * 0.5))::int) t(k)
  where p.known_day < getvariable('days')
), timed as (
  select i, k, greatest(reg_day, 0) + sum(gap) over (partition by i order by k) as at_day from gaps
), own as (
  select t.i, t.k, t.at_day from timed t join person p using (i)
  where t.at_day < least(p.end_day, getvariable('days'))
    and not exists (
      from member m where m.i = t.i and m.arm = 'treatment' and m.would_lose
        and t.at_day between m.start_day and m.start_day + 14
    )
), won as (
  select i, 800 + m as k, start_day + 1 + 12 * u2('answer day', i, m) as at_day
  from member where arm = 'treatment' and would_add and start_day + 1 + 12 * u2('answer day', i, m) < least(end_day, getvariable('days'))
)
select t.i, t.k, t.i * 1000 + t.k as order_no, floor(t.at_day) + (8 + 12 * u2('hour', t.i, t.k)) / 24 as at_day,
  floor(t.at_day)::int as day, t.k - 800 as campaign_m, p.segment, p.favourite_channel, p.has_account, p.city_no,
  p.end_day, 1 + floor(400 * pow(u2('product', t.i * 1000 + t.k, 1), 1.7))::int as first_product,
  1 + floor(-1.1 * ln(greatest(u2('size', t.i, t.k), 1e-9)))::int as lines,
  u2('cancel', t.i, t.k) < 0.03 as is_cancelled, u2('anonymous', t.i, t.k) < 0.08 as is_anonymous
from (from own union all from won) t join person p using (i);

-- A planted rule: who buys a phone (products 1 to 20) takes its case (101 to 120) in six baskets of ten. A planted
-- sequence: lines of the basket after one with a case hold a charger (121) in three of ten.
create or replace table purchase_line as
with drawn as (
  select o.*, n as line_no,
    case
      when n = 1 then first_product
      when n = 2 and first_product <= 20 and u('case', o.order_no) < 0.6 then 100 + first_product
      when n = 2 and o.lines > 1 and after_case and u('charger', o.order_no) < 0.3 then 121
      else 1 + floor(400 * pow(u2('product', o.order_no, n), 1.7))::int end as product_no
  from (
    select *, lag(first_product <= 20 and u('case', order_no) < 0.6, 1, false) over (partition by i order by at_day) as after_case
    from purchase
  ) o, range(1, 1 + greatest(o.lines, case when o.first_product <= 20 then 2 else 1 end)) t(n)
), priced as (
  select *, 1 + floor(u2('quantity', order_no, line_no) * 2.2)::int as quantity,
    ((1 + 0.02 * (day // 365)) * (3 + 0.6 * ((product_no * 37) % 97) + case when product_no <= 20 then 240 else 0 end))
      ::decimal(12, 2) as unit_price,
    case when day % 28 < 5 and product_no <= 120 then 0.15 else 0 end as discount_share
  from drawn
)
select i, order_no, line_no, day, at_day, product_no, quantity, unit_price, is_cancelled,
  (quantity * unit_price)::decimal(12, 2) as gross,
  (quantity * unit_price * (1 - discount_share))::decimal(12, 2) as net,
  (quantity * unit_price * 0.62)::decimal(12, 2) as cost
from priced;

create or replace table purchase_total as
select order_no, sum(gross)::decimal(14, 2) as gross, sum(net)::decimal(14, 2) as net from purchase_line group by order_no;

-- Contacts with the call centre: what happens about every eleventh week, and the bad day, which ends in a complaint.
create or replace table touch as
select i, k, i * 100 + k as touch_no, floor(at_day) + (8 + 11 * u2('call hour', i, k)) / 24 as at_day, floor(at_day)::int as day,
  false as is_bad_day, segment
from (
  select i, k, known_day + (k + u2('call', i, k)) * (45 + 60 * u('talks', i)) as at_day, end_day, segment
  from person p, range(0, 1 + ((getvariable('days') - known_day) / (45 + 60 * u('talks', i)))::int) t(k)
  where known_day < getvariable('days') and k < 90
)
where at_day < least(end_day, getvariable('days'))
union all
select i, 99, i * 100 + 99, floor(bad_day) + (8 + 11 * u('bad hour', i)) / 24, floor(bad_day)::int, true, segment
from person where bad_day < least(end_day, getvariable('days'));

create or replace table web_hit as
with visit as (
  -- Four in five purchases by web end a visit; other visits come to nothing.
  select i, 'b' || order_no as visit_no, at_day - 0.01 as at_day, day, first_product as product_no, order_no, true as buys
  from purchase where has_account and favourite_channel in ('web', 'app') and not is_anonymous and u('by web', order_no) < 0.8
  union all
  select i, 'v' || (i * 1000 + k), floor(at_day) + (7 + 16 * u2('visit hour', i, k)) / 24, floor(at_day)::int,
    1 + floor(400 * pow(u2('looks at', i, k), 1.7))::int, null, false
  from (
    select i, k, end_day, known_day + (k + u2('visit', i, k)) * (20 + 80 * u('browses', i)) as at_day
    from person, range(0, 1 + ((getvariable('days') - known_day) / (20 + 80 * u('browses', i)))::int) t(k)
    where has_account and favourite_channel in ('web', 'app') and known_day < getvariable('days')
  ) where at_day < least(end_day + 60, getvariable('days'))
)
select v.i, v.visit_no, s.step, v.day, v.at_day + s.step * (0.0004 + 0.001 * u('dwell', v.visit_no)) as at_day, v.order_no,
  v.product_no, v.buys, s.path
from visit v join (values
  (0, 'land', true, true), (1, 'search', true, false), (2, 'product', true, true), (3, 'cart', true, false),
  (4, 'checkout', true, false), (5, 'thanks', true, false)
) s(step, path, on_purchase, on_visit)
  on case when v.buys then s.on_purchase and (s.step <> 1 or u('searches', v.visit_no) < 0.5)
    else s.on_visit and (s.step = 0 or u('looks', v.visit_no) < 0.7) end;

-- Months of living lines, and what was used: voice in seconds, data in megabytes, messages.
create or replace table line_month as
select i, m, plan_name, (month_start - getvariable('start'))::int as day, month_start - interval 1 month as month,
  case plan_name when 'Light' then 9.99 when 'Medium' then 19.99 else 34.99 end::decimal(9, 2) as fee
from (
  select i, m, plan_name, known_day, end_day,
    (date_trunc('month', getvariable('start')) + to_months(m + 1))::date as month_start
  from person, range(0, 1 + (getvariable('days') / 28)::int) t(m) where has_line
)
where (month_start - getvariable('start'))::int > known_day + 27 and (month_start - getvariable('start'))::int < least(end_day + 30, getvariable('days'));

create or replace table used as
with drawn as (
  select l.i, l.m, l.day, l.month, l.plan_name, s.service, s.time_band, r.included, r.step_to, r.price_1, r.price_2, r.cap,
    floor(s.typical * case l.plan_name when 'Light' then 0.6 when 'Medium' then 1 else 2.2 end
      * exp(0.7 * gauss(s.service || s.time_band, l.i, 0) + 0.25 * gauss(s.time_band || s.service, l.i, l.m)))::bigint as units
  from line_month l, (values
    ('voice', 'peak', 3600), ('voice', 'off-peak', 2400), ('data', 'all day', 4000), ('sms', 'all day', 25)
  ) s(service, time_band, typical)
  join tariff r on r.plan_name = l.plan_name and r.service = s.service and r.time_band = s.time_band
)
select *, least(cap, (least(over, step_to - included) * price_1 + greatest(over - (step_to - included), 0) * price_2))::decimal(12, 2)
    as charged
from (select *, greatest(units - included, 0) as over from drawn);

create or replace table lead as
select i, is_org, segment, given_name, family_name, company_name, email, mobile, known_day, u('lead', i) < 0.08 as is_won,
  case when u('lead', i) < 0.08 then greatest(0, known_day - 10 - floor(30 * u('lead age', i))::int) else floor(u('lead day', i) * 1460)::int end as day
from person where (u('lead', i) < 0.08 and reg_day > 0) or u('lead', i) > 0.85;
