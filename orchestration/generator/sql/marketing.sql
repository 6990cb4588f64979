-- What the marketing department plans and pays, a workbook for the years that the data touch.
create macro planned(start_day) as start_day < 365 * (1 + getvariable('days') // 365);

create view marketing__campaigns as
select campaign_no, 'Campaign ' || m || ': ' || objective as name, objective, 'repeat_rate' as kpi, '0.3' as target, channel,
  iso(start_day) as starts, iso(end_day) as ends, pick(['CRM', 'Trade', 'Brand'], u('owner', m)) as owner, (2000 + 100 * (m % 9))::varchar
    as budget
from campaign where planned(start_day);

create view marketing__waves as
select campaign_no, n::varchar as wave, channel, iso(start_day + 5 * (n - 1)) as scheduled, case n when 1 then 'all' else 'not opened' end as rule,
  'OF' || lpad(m::varchar, 3, '0') as offer_no, 'T' || (1 + m % 4) as template
from campaign, range(1, 3) t(n) where planned(start_day);

create view marketing__offers as
select 'OF' || lpad(m::varchar, 3, '0') as offer_no, campaign_no, 'Offer ' || m as name, pick(['coupon', 'points', 'gift', 'discount'], u('offer', m))
    as kind, (5 + m % 4)::varchar as face_value, (2 + m % 3)::varchar as unit_cost, iso(start_day) as valid_from, iso(end_day) as valid_to
from campaign where planned(start_day);

create view marketing__offer_products as
select distinct 'OF' || lpad(m::varchar, 3, '0') as offer_no, campaign_no, product_no(1 + floor(u2('offered', m, n) * 400)::int) as product_no
from campaign, range(1, 6) t(n) where planned(start_day);

create view marketing__costs as
select campaign_no, kind, iso_date(start_day + 2) as paid_on, '1' as wave, (share * (2000 + 100 * (m % 9)))::decimal(9, 2)::varchar as planned,
  (share * (2000 + 100 * (m % 9)) * (0.8 + 0.4 * u2('cost', m, kind)))::decimal(9, 2)::varchar as actual, medium, (1000 * share)::int::varchar as pieces,
  (950 * share)::int::varchar as handed_out, (300 * share)::int::varchar as used
from campaign, (values ('material', 0.2, 'flyer'), ('media', 0.5, 'social'), ('labour', 0.2, 'none'), ('discount', 0.1, 'coupon'))
  c(kind, share, medium) where planned(start_day);

create view marketing__lists as
from (values ('L1', 'own', 'own', '2023-06-01', '100000', '0', null), ('L2', 'bought', 'Lists Ltd', '2024-02-01', '5000', '1500', '2026-02-01'),
  ('L3', 'fair', 'Hannover fair', '2024-04-22', '800', '4000', '2027-04-22'), ('L4', 'rented', 'AdReach', '2024-09-01', '9000', '2100', '2025-09-01'))
  l(list_no, kind, provider, acquired, records, cost, valid_until);

create view marketing__resources as
select 'G' || m || '-' || n as entry_no, campaign_no, pick(['gifts', 'prepaid credit'], u('resource', m)) as resource, iso(start_day - 6 + 3 * n) as booked,
  kind, (1000 * share)::varchar as amount, 'CRM' as requested_by, 'CFO' as approved_by
from campaign, (values (1, 'requested', 1.0), (2, 'approved', 0.8), (3, 'used', 0.7)) k(n, kind, share) where planned(start_day);

create view marketing__targets as
select kpi, iso_date(m0) as period_start, 'month' as grain, 'shop manager' as role, (start_value * (1 + 0.01 * k))::decimal(14, 4)::varchar as target
from (select k, (date_trunc('month', getvariable('start')) + to_months(k::int))::date - getvariable('start') as m0
    from range(0, 200) t(k)),
  (values ('sales', 60.0 * getvariable('customers')), ('buyers', 0.35 * getvariable('customers')), ('repeat_rate', 0.55)) v(kpi, start_value)
where planned(m0);

create view marketing__benchmarks as
select kpi, iso_date(q0) as period_start, 'quarter' as grain, 'telecom retail' as industry, average::varchar as average, excellent::varchar as excellent
from (select (date_trunc('quarter', getvariable('start')) + to_months((3 * k)::int))::date - getvariable('start') as q0 from range(0, 70) t(k)),
  (values ('repeat_rate', 0.48, 0.62), ('second_purchase_rate', 0.31, 0.45)) v(kpi, average, excellent)
where planned(q0);

create view marketing__rates as
select currency, iso_date(m0) as day_quoted, (rate * (1 + 0.05 * sin(m0 / 90.0)))::decimal(12, 6)::varchar as rate
from (select (date_trunc('month', getvariable('start')) + to_months(k::int))::date - getvariable('start') as m0 from range(0, 200) t(k)),
  (values ('EUR', 1.0), ('GBP', 1.17), ('USD', 0.92), ('TWD', 0.029), ('CNY', 0.127), ('SEK', 0.088)) v(currency, rate)
where planned(m0);
