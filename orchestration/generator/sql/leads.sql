-- Leads from site, fair and partners: some become a customer, and then bear the customer's number; most are lost.
create view leads__leads as
select 'D' || i as lead_no, case when n = 1 then crm_no(i) end as customer_no, iso(lead.day + 0.45) as created, pick(['site', 'fair', 'partner'], u('lead from', i)) as source,
  'cpc' as medium, '/landing/' || (i % 5) as landing_page, segment, 'L3' as list_no, pick(['100', '500', '2000'], u('lead budget', i)) as budget,
  pick(['this month', 'this year', 'unknown'], u('intent', i)) as intent, pick(['none', 'rival'], u('rival', i)) as competitor,
  product_no(1 + floor(u('wants', i) * 20)::int) as product_no, pick(['high', 'low'], u('potential', i)) as potential, given_name || ' ' || family_name as name,
  case when u('lead mail', i) < 0.8 then email end as email, mobile as phone, case when is_org then company_name end as organisation,
  case when n = 1 then known_day else lead.day end as day
from lead, range(0, 2) t(n) where n = 0 or is_won;

create view leads__events as
select 'D' || i as lead_no, iso(at_day) as occurred, stage, 'A' || lpad((1 + i % 60)::varchar, 3, '0') as agent_no, 'hotline' as channel,
  case stage when 'nurtured' then 'newsletter' end as nurture, case stage when 'won' then (50 + i % 900)::varchar end as amount,
  case stage when 'lost' then pick(['price', 'no answer', 'rival'], u('lost', i)) end as reason, floor(at_day)::int as day
from (
  select *, day + 0.5 + step * (1 + floor(4 * u2('step', i, step))) as at_day from lead, (values (0, 'contacted'), (1, 'responded'), (2, 'interested'), (3, 'assigned'),
    (4, 'nurtured'), (5, 'won'), (5, 'lost')) s(step, stage)
  where case stage when 'won' then is_won when 'lost' then not is_won and u('gives up', i) < 0.8 when 'nurtured' then u('nurtured', i) < 0.4 else u2('stage', i, 0) < 1 - 0.1 * step end
);
