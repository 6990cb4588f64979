-- Surveys of satisfaction, and a bought list of which some are customers.
create view research__surveys as
select 'S' || i || '-' || n as response_no, crm_no(i) as customer_no, iso(day + 0.7) as answered, 'yearly' as survey, 'Would you recommend us?' as question,
  greatest(0, least(10, round(case when bad_day < day and day - bad_day < 90 then 3 else 8 end + 1.8 * gauss('nps', i, n))))::int::varchar as score,
  '10' as scale, pick(['service', 'price', 'products'], u2('survey topic', i, n)) as topic, pick(['alles gut', 'zu teuer', null], u2('says', i, n)) as comment, day
from (select i, n, bad_day, end_day, known_day + 60 + 365 * n + floor(200 * u2('asked', i, n))::int as day from person, range(0, 5) t(n)
  where u2('answers survey', i, n) < 0.12) where day < end_day;

create view research__profiles as
select 'X' || i as profile_no, 'L2' as list_no, given_name || ' ' || family_name as name, case when u('profile mail', i) < 0.6 then email end as email,
  street, c.city, c.postal_code, birth_date::varchar as born, 'Lists Ltd' as provider,
  json_object('car', pick(['none', 'small', 'large'], u('car', i)), 'children', floor(3 * u('children', i))::int)::varchar as facts, '2026-02-01' as valid_until,
  greatest(31, known_day) as day
from person join city c using (city_no) where not is_org and u('profile', i) < 0.06;
