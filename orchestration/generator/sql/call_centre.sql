-- Contacts and complaints, by the CRM's customer numbers.
create view call_centre__contacts as
select 'H' || touch_no as contact_no, case when u('unknown caller', touch_no) < 0.05 and not is_bad_day then null else crm_no(i) end as customer_no,
  iso(at_day) as started, channel, case when about = 'marketing' then 'out' else 'in' end as direction,
  case when dirt('contacts', touch_no, ['type']) = 'type' then 'chat' else about end as about,
  pick(['bill', 'delivery', 'haggling', 'tariff', 'device'], u('topic', touch_no)) as topic,
  product_no(1 + floor(u('about product', touch_no) * 400)::int) as product_no,
  'A' || lpad((1 + floor(u('agent', touch_no) * 60))::int::varchar, 3, '0') as agent_no,
  round(40 + 900 * pow(u('long', touch_no), 3))::int::varchar as seconds, round(300 * pow(u('wait', touch_no), 4))::int::varchar as waited,
  case when is_bad_day then 'failure' else pick(['success', 'success', 'success', 'failure', 'callback'], u('result', touch_no)) end as result,
  case when u('rated', touch_no) < 0.3 then (case when is_bad_day then 1 else 2 + floor(4 * pow(u('rating', touch_no), 0.6)) end)::int::varchar end
    as rating, day
from (
  select *, pick(['hotline', 'hotline', 'email', 'shop', 'outbound_call'], u('touch channel', touch_no)) as channel,
    case when is_bad_day then 'complaint'
      else pick(['inquiry', 'inquiry', 'care', 'transaction', 'query', 'marketing', 'complaint'], u('about', touch_no)) end as about
  from touch
);

create view call_centre__complaints as
select 'Q' || touch_no as complaint_no, 'H' || touch_no as contact_no, crm_no(i) as customer_no, iso(at_day) as opened, 'hotline' as channel,
  pick(['quality', 'delivery', 'bill', 'staff'], u('complains', touch_no)) as about, product_no(1 + floor(u('about product', touch_no) * 400)::int)
    as product_no, pick([null, 'F01', 'F02'], u('fault of', touch_no)) as fault, pick(['service', 'logistics', 'billing'], u('handled by', touch_no))
    as department, 'A' || lpad((1 + floor(u('agent', touch_no) * 60))::int::varchar, 3, '0') as handler_no,
  case when n = 1 then 'closed' else 'open' end as status,
  case when n = 1 then iso(floor(at_day) + 1 + floor(12 * u('solved', touch_no)) + 0.7) end as resolved, case when n = 1 then 'refund' end as resolution,
  case when is_bad_day then 'serious' else 'minor' end as severity, day + case when n = 1 then 1 + floor(12 * u('solved', touch_no))::int else 0 end as day
from touch, range(0, 2) t(n)
where (is_bad_day or pick(['inquiry', 'inquiry', 'care', 'transaction', 'query', 'marketing', 'complaint'], u('about', touch_no)) = 'complaint')
  and (n = 0 or u('ever solved', touch_no) < 0.9);

create view call_centre__dirt as
select 'call_centre' as source_system, 'contacts' as table_name, 'contact' as entity, kind, 'value_not_allowed' as reason_code,
  'contact_type' as column_name, 'contact_no' as id_column, 'H' || touch_no as id, day
from (select touch_no, day, dirt('contacts', touch_no, ['type']) as kind from touch) where kind is not null;
