-- Weekly stock of phones and cases in six shops, and what was promoted where.
create view merchandise__inventory as
select product_no(n) as product_no, 'ST' || s as store_no, iso_date(w * 7) as day_counted, (floor(60 * u2('stock', n * 10 + s, w)))::int::varchar
    as on_hand, (w * 7)::int as day
from range(1, 1200) t(w), (select unnest(range(1, 21)) as n union all select unnest(range(101, 121))), range(1, 7) s(s)
where w * 7 < getvariable('days') and written(w * 7);

create view merchandise__promotions as
select product_no(n) as product_no, 'ST' || s as store_no, iso_date(w * 28) as week_start, pick(['front', 'end of aisle'], u2('display', n, w))
    as display, pick(['page 1', 'inside', 'none'], u2('mailer', n, w)) as mailer, '0.15' as discount, (w * 28)::int as day
from range(0, 300) t(w), range(1, 121) p(n), range(1, 26) s(s)
where w * 28 < getvariable('days') and written(w * 28);
