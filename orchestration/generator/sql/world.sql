-- The hidden world of the demo company: people, organisations, habits and fates, from row numbers.
--
-- Every value is a function of the seed and of a row's own number, never of how long the world runs or how many others
-- live in it: a longer run repeats the shorter one to the letter and adds days at its end. Days are numbers, day 0 is
-- the start; a fraction is the time of day. Randomness is DuckDB's hash.
--
-- Behaviour is drawn from models that the product does not fit: purchases are a renewal process with log-normal gaps
-- and a season; customers leave after Weibull times whose scale is their segment's, or some weeks after a bad day.

create macro u(salt, a) as ((hash(salt, a, getvariable('seed')) >> 11)::double / 9007199254740992.0);
create macro u2(salt, a, b) as ((hash(salt, a, b, getvariable('seed')) >> 11)::double / 9007199254740992.0);
create macro pick(choices, x) as choices[1 + floor(x * len(choices))::int];
create macro gauss(salt, a, b) as
  sqrt(-2 * ln(greatest(u2(salt || '1', a, b), 1e-12))) * cos(2 * pi() * u2(salt || '2', a, b));
create macro day_at(day) as getvariable('start')::timestamp + to_microseconds(round(day * 86400)::bigint * 1000000);
create macro iso(day) as day_at(day)::varchar;
create macro iso_date(day) as day_at(day)::date::varchar;
create macro german(day) as strftime(day_at(day), '%d.%m.%Y %H:%M');
create macro comma(x) as replace(x::decimal(18, 2)::varchar, '.', ',');
create macro crm_no(i) as 'C' || lpad(i::varchar, 8, '0');
create macro shop_no(i) as 'S' || (70000000 + i);
create macro subscriber_no(i) as 'T' || (90000000 + i);
create macro product_no(n) as 'P' || lpad(n::varchar, 5, '0');
create macro written(day) as day >= getvariable('since') and day < getvariable('days');
-- One of some kinds of dirt for a row in a thousand of each, else null; a row has one kind at most.
create macro dirt(salt, a, kinds) as
  case when u('dirt ' || salt, a) < len(kinds) * getvariable('dirt_rate')
    then kinds[1 + floor(u('dirt ' || salt, a) / getvariable('dirt_rate'))::int] end;

create table city as from (values
  (1, 'Köln', 'Nordrhein-Westfalen', 'DE', '50667', 50.94, 6.96), (2, 'Berlin', 'Berlin', 'DE', '10115', 52.52, 13.40),
  (3, 'München', 'Bayern', 'DE', '80331', 48.14, 11.58), (4, 'Hamburg', 'Hamburg', 'DE', '20095', 53.55, 9.99),
  (5, 'London', 'England', 'GB', 'EC1A 1BB', 51.51, -0.13), (6, 'Malmö', 'Skåne', 'SE', '211 20', 55.60, 13.00),
  (7, '臺北市', '臺灣', 'TW', '110', 25.04, 121.56), (8, '北京市', '北京', 'CN', '100000', 39.90, 116.40),
  (9, '上海市', '上海', 'CN', '200000', 31.23, 121.47), (10, 'Boston', 'Massachusetts', 'US', '02108', 42.36, -71.06)
) c(city_no, city, region, country, postal_code, latitude, longitude);

set variable given_f = ['Anna', 'Maria', 'Sofia', 'Emma', 'Julia', 'Laura', 'Katharina', 'Zoë', 'Ingrid', 'Margaret',
  'Elizabeth', 'Susanne', 'Hannah', 'Charlotte', 'Amelie', 'Friederike', 'Birgit', 'Nora', 'Greta', 'Paula', 'Kate'];
set variable given_m = ['Jörg', 'Thomas', 'Michael', 'Andreas', 'Peter', 'William', 'James', 'Robert', 'Lars', 'Stefan',
  'Karl', 'Björn', 'Hans', 'Matthias', 'Oliver', 'George', 'Henry', 'Jürgen', 'Felix', 'Paul', 'Bill'];
set variable family = ['Müller', 'Schmidt', 'Schneider', 'Fischer', 'Weber', 'Wagner', 'Becker', 'Smith', 'Jones',
  'Taylor', 'Brown', 'Andersson', 'Lindström', 'O''Brien', 'von Hohenberg', 'Großmann', 'Köhler', 'Lang', 'Hofmann',
  'Krüger', 'Zimmermann', 'Hartmann', 'Johnson', 'Williams', 'Clarke', 'Nilsson', 'van Dyke', 'Schäfer', 'Voß'];
set variable cjk_family = ['王', '李', '張', '劉', '陳', '楊', '黃', '趙', '吳', '周', '林', '歐陽', '郭', '徐', '高'];
set variable cjk_given_f = ['小美', '怡君', '雅婷', '麗華', '芳', '雪梅', '文', '淑芬', '佳穎', '婉婷'];
set variable cjk_given_m = ['小明', '志明', '偉', '建國', '俊傑', '雷', '文', '倉義', '家豪', '冠宇'];
set variable streets = ['Hauptstraße', 'Bahnhofstraße', 'Gartenweg', 'High Street', 'Station Road', 'Lindenallee',
  'Church Lane', 'Ringstraße', 'Schillerplatz', 'Mühlenweg', 'Park Avenue', 'Kirchgasse'];
set variable cjk_streets = ['中山路', '市府路', '人民路', '世紀大道', '中正路', '建國北路'];
set variable companies = ['Nordlicht', 'Alpina', 'Blue River', 'Hansa', 'Meridian', '長城', '東方', 'Summit', 'Kranich',
  'Oak & Sons', 'Elbtal', 'Kaskade', 'Westwind', '宏達', 'Polaris', 'Brunnen'];

-- A campaign a month, each with a wave or two; the outcome that it wants, and when it starts.
create table campaign as
select m, 'K' || lpad(m::varchar, 3, '0') as campaign_no, 10 + 30 * m as start_day, 10 + 30 * m + 14 as end_day,
  pick(['email', 'sms', 'outbound_call'], u('campaign channel', m)) as channel,
  pick(['win back', 'next purchase', 'upgrade'], u('objective', m)) as objective
from range(0, 200) t(m);

-- Segments: usual days between purchases, scale of the Weibull times after which people leave (shape 1.4; some had left
-- before the first day), and what a
-- campaign does: the chance of one more purchase in the fortnight that it adds, the share of purchases that it takes.
create table segment_habit as from (values
  ('budget', 55, 700, 0.06, 0.0), ('family', 26, 1800, 0.12, 0.0), ('business', 34, 1500, 0.0, 0.0),
  ('premium', 18, 2600, 0.0, 0.25)
) v(segment, usual_gap, life_scale, added_chance, lost_share);

-- Tariffs: what the fee includes, a first step of units beyond it, the price after the step, the most that it may cost.
create table tariff as
select plan_name, service, time_band, unit, (included * size)::bigint as included,
  ((included + step) * size)::bigint as step_to, price_1, price_2, cap
from (values ('Light', 1), ('Medium', 3), ('Large', 8)) p(plan_name, size),
  (values
    ('voice', 'peak', 'second', 1800, 18000, 0.0020, 0.0010, 15.00), ('voice', 'off-peak', 'second', 2700, 18000, 0.0010, 0.0005, 10.00),
    ('data', 'all day', 'megabyte', 2000, 4000, 0.0030, 0.0020, 20.00), ('sms', 'all day', 'message', 20, 100, 0.0900, 0.0700, 12.00)
  ) s(service, time_band, unit, included, step, price_1, price_2, cap);
