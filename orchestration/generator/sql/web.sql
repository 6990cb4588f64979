-- The web shop's log. Who is logged in is named by the shop's account number; robots come every day.
create view web__hits as
with hit as (
  select case when i % 3 = 0 then null else shop_no(i) end as user_name, i, visit_no, step, day, at_day, path, order_no, product_no, buys
  from web_hit
)
select '10.' || (i % 200) || '.' || (i // 200 % 250) || '.' || (1 + i // 50000 % 250) as ip, null::varchar as identity, user_name,
  strftime(day_at(at_day), '%Y-%m-%dT%H:%M:%S') || '+0100' as occurred_at, case when path in ('cart', 'checkout') then 'POST' else 'GET' end as method,
  case path
    when 'land' then '/' || case when u('ad', visit_no) < 0.3
      then '?utm_source=' || pick(['search', 'social', 'partner'], u('from', visit_no)) || '&utm_medium=cpc&utm_campaign=always-on' else '' end
    when 'search' then '/search?q=' || pick(['phone', 'case', 'router', 'watch'], u('seeks', visit_no))
    when 'product' then '/p/' || product_no(product_no) when 'cart' then '/cart/add/' || product_no(product_no)
    when 'checkout' then '/checkout' else '/thanks/' || order_no end as url,
  'HTTP/1.1' as protocol, '200' as status_code, (800 + floor(20000 * u('size', visit_no)))::int::varchar as bytes,
  case when step = 0 and u('ad', visit_no) < 0.5 then 'https://search.example/' end as referrer,
  case when u('phone', i) < 0.55 then 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148'
    else 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36' end as user_agent, 'false' as is_bot, day
from hit;

create view web__robots as
select '66.249.' || (n % 250) || '.' || (d % 250) as ip, null::varchar as identity, null::varchar as user_name,
  strftime(day_at(d + u2('robot', d, n)), '%Y-%m-%dT%H:%M:%S') || '+0100' as occurred_at, 'GET' as method,
  '/p/' || product_no(1 + floor(u2('robot reads', d, n) * 400)::int) as url, 'HTTP/1.1' as protocol, '200' as status_code, '5120' as bytes,
  null::varchar as referrer, pick(['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'curl/8.4.0', 'python-requests/2.31',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)'], u2('robot name', d, n)) as user_agent, 'true' as is_bot, d::int as day
from range(getvariable('since'), getvariable('days')) t(d), range(0, 5 + getvariable('customers') // 500) r(n);

-- A line that is no request, now and then.
create view web__hits_broken as
select 'malformed' as kind, 'broken-' || d as id, 'broken-' || d || ' - - [' as line, d::int as day
from range(getvariable('since'), getvariable('days')) t(d) where u('broken line', d) < 0.1;
