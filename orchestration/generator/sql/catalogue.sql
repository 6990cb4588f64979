-- Products, prices, shops and channels.
create view catalogue__products as
select product_no(n) as sku,
  case when n <= 20 then 'Phone ' || n when n between 101 and 120 then 'Case for phone ' || (n - 100) when n = 121 then 'Charger'
    else pick(['Cable', 'Speaker', 'Lamp', 'Router', 'Watch', 'Bag', 'Battery', 'Camera'], u('noun', n)) || ' ' || n end as name,
  'Brand ' || (1 + (n * 7) % 12) as brand, 'Maker ' || (1 + (n * 7) % 5) as maker,
  case when n <= 20 then 'Phones' when n <= 160 then 'Accessories' when n <= 300 then 'Home' else 'Leisure' end as department,
  'Group ' || (1 + n % 24) as group_name, 'Line ' || (1 + n % 90) as line_name,
  ((3 + 0.6 * ((n * 37) % 97) + case when n <= 20 then 240 else 0 end) * 0.62)::decimal(9, 2)::varchar as cost,
  (3 + 0.6 * ((n * 37) % 97) + case when n <= 20 then 240 else 0 end)::decimal(9, 2)::varchar as list_price,
  case when n > 395 then 'service' else 'goods' end as business, round(u('complex', n), 2)::varchar as complexity,
  round(u('explain', n), 2)::varchar as explanation, (date '2020-01-01' + (n * 3)::int)::varchar as launched
from range(1, 401) t(n);

-- Own prices rise each January; a competitor's price is noted each quarter.
create view catalogue__prices as
select sku, iso_date(case when kind = 'own' then 365 * k else 91 * k end) as valid_from,
  (list_price::double * case when kind = 'own' then 1 + 0.02 * k else 0.92 + 0.16 * u2('rival', sku, k) end)::decimal(9, 2)::varchar as price,
  kind
from catalogue__products, (values ('own', 365), ('market', 91)) v(kind, every), range(0, 20) t(k)
where k * every < 365 * (1 + getvariable('days') // 365);

create view catalogue__stores as
select 'ST' || n as store_no, case when n = 25 then 'Web shop' else c.city || ' ' || n end as name,
  case when n = 25 then 'web' when n = 24 then 'partner' else 'shop' end as kind, c.city, c.region, c.country,
  (date '2005-01-01' + (n * 190)::int)::varchar as opened, c.latitude::varchar as latitude, c.longitude::varchar as longitude
from range(1, 26) t(n) join city c on c.city_no = 1 + n % 10;

create view catalogue__channels as
select channel, name, type, electronic, human, two_way, sells, cost, capacity, hours from (values
  ('shop', 'Shops', 'counter', '0', '1', '1', '1', '3.50', '2000', 'Mo-Sa 9-20'),
  ('web', 'Web shop', 'web', '1', '0', '1', '1', '0.05', '1000000', 'always'),
  ('app', 'App', 'wap_app', '1', '0', '1', '1', '0.03', '1000000', 'always'),
  ('hotline', 'Hotline', 'hotline', '0', '1', '1', '1', '4.20', '1500', 'Mo-Su 8-20'),
  ('email', 'E-mail', 'email', '1', '0', '1', '0', '0.01', '500000', 'always'),
  ('sms', 'Text message', 'sms', '1', '0', '0', '0', '0.06', '100000', 'Mo-Sa 9-20'),
  ('outbound_call', 'Calls to customers', 'outbound_call', '0', '1', '1', '1', '5.00', '800', 'Mo-Fr 9-18')
) c(channel, name, type, electronic, human, two_way, sells, cost, capacity, hours);
