-- The shop knows an e-mail address and a name as people type it; it does not hear of moves. Decimal commas, German dates.
create view shop__accounts as
select shop_no(i) as account_no,
  case when is_org then company_name when is_cjk then family_name || given_name
    when u('typed', i) < 0.12 then left(given_name, 1) || '. ' || family_name
    when u('typed', i) < 0.2 then family_name || ', ' || given_name
    when u('typed', i) < 0.26 then lower(given_name || ' ' || family_name)
    when u('typed', i) < 0.3 then given_name || ' ' || left(family_name, 2) || substr(family_name, 4)
    else given_name || ' ' || family_name end as name,
  email, case when u('shop phone', i) < 0.4 then replace(mobile, '+49 ', '0') end as phone, street, c.city, c.postal_code,
  c.country, case when u('card', i) < 0.5 then 'CARD' || (5000000 + i) end as card_no,
  case when dirt('accounts', i, ['created']) = 'created' then 'gestern' else german(known_day + 0.4) end as created, known_day as day
from person join city c using (city_no) where has_account;

create view shop__orders as
select o.order_no::varchar as order_no, case when not is_anonymous and has_account then shop_no(i) end as account_no,
  case when kind = 'time' then 'tomorrow' else german(at_day) end as placed,
  case when kind = 'status' then 'sold' when is_cancelled then 'cancelled' else 'completed' end as status,
  case when is_cancelled then german(at_day + 0.01) end as cancelled,
  case when not is_cancelled then german(at_day + 0.005) end as paid,
  case when has_account then favourite_channel else 'shop' end as channel,
  case when has_account and favourite_channel in ('web', 'app') then 'ST25' else 'ST' || (1 + i % 24) end as store_no,
  'A' || lpad((1 + order_no % 60)::varchar, 3, '0') as agent_no,
  case when campaign_m >= 0 then 'K' || lpad(campaign_m::varchar, 3, '0') end as campaign_no,
  comma(gross) as gross, comma(gross - net) as discount, case when kind = 'total' then '12,5o' else comma(net) end as total, day
from (select *, dirt('orders', order_no, ['time', 'status', 'total']) as kind from purchase) o join purchase_total using (order_no);

create view shop__scanned as
select order_no::varchar as order_no, line_no::varchar as line_no,
  case when kind = 'product' then 'X' || (order_no % 7) else product_no(product_no) end as product_no,
  case when kind = 'quantity' then 'two' else quantity::varchar end as quantity,
  comma(unit_price) as price, comma(gross) as gross, comma(gross - net) as discount, comma(net) as net, comma(cost) as cost, day, kind
from (select *, dirt('lines', order_no * 100 + line_no, ['product', 'quantity', 'twice']) as kind from purchase_line);

-- Clerks scan some lines twice with another quantity; the second, which contradicts the first, comes after it.
create view shop__lines as
select * exclude (kind) from shop__scanned
union all
select * exclude (kind) replace ((quantity::int + 1)::varchar as quantity) from shop__scanned where kind = 'twice';

create view shop__payments as
select 'Y' || order_no as payment_no, order_no::varchar as order_no, german(at_day + 0.005) as paid,
  pick(['card', 'cash', 'transfer', 'wallet'], u('method', order_no)) as method,
  case when dirt('payments', order_no, ['amount']) = 'amount' then null else comma(net) end as amount, day
from purchase join purchase_total using (order_no) where not is_cancelled;

create view shop__returns as
select 'R' || order_no || '-' || line_no as return_no, order_no::varchar as order_no, line_no::varchar as line_no,
  product_no(product_no) as product_no,
  case when u2('exchange', order_no, line_no) < 0.3 then 'exchange' else 'return' end as kind, german(back_day + 0.6) as requested,
  quantity::varchar as quantity, comma(net) as amount,
  pick(['too small', 'faulty', 'not as shown', 'late'], u2('reason', order_no, line_no)) as reason, back_day as day
from (select *, day + 3 + floor(9 * u2('return day', order_no, line_no))::int as back_day from purchase_line)
where not is_cancelled and u2('returns', order_no, line_no) < 0.04;

create view shop__reviews as
select 'W' || order_no as review_no, order_no::varchar as order_no, '1' as line_no, case when has_account and not is_anonymous then shop_no(i) end
    as account_no, product_no(first_product) as product_no, german(floor(at_day) + 6.8) as written,
  (1 + floor(5 * pow(u('stars', order_no), 0.4)))::int::varchar as stars, pick(['gut', 'schnell', 'geht so', null], u('text', order_no))
    as comment, case when u('shared', order_no) < 0.1 then 'ja' else 'nein' end as shared, day + 6 as day
from purchase where not is_cancelled and u('reviews', order_no) < 0.06 and dirt('reviews', order_no, ['ragged', 'encoding']) is null;

-- Lines that no reader can take: a delimiter that nobody quoted, and a comment in another code page.
create view shop__reviews_broken as
select 'W' || order_no as id, kind, day + 6 as day,
  'W' || order_no || ';' || order_no || ';1;;' || product_no(first_product) || ';' || german(floor(at_day) + 6.8) || ';3;'
    || case kind when 'ragged' then 'billig; gut; schnell' else 'sehr schön' end || ';nein' as line
from (select *, dirt('reviews', order_no, ['ragged', 'encoding']) as kind from purchase
  where not is_cancelled and u('reviews', order_no) < 0.06) where kind is not null;

create view shop__points as
select 'L' || order_no as entry_no, shop_no(i) as account_no, german(at_day + 0.006) as booked,
  case when u('burns', order_no) < 0.1 then '-100' else floor(net)::int::varchar end as points,
  case when u('burns', order_no) < 0.1 then 'burn' else 'earn' end as kind, order_no::varchar as order_no, day
from purchase join purchase_total using (order_no) where has_account and not is_anonymous and not is_cancelled;

create view shop__dirt as
select 'shop' as source_system, t as table_name, entity, kind, reason as reason_code, column_name, id_column, id, day from (
  select 'orders' as t, 'sales_order' as entity, kind,
    case kind when 'status' then 'value_not_allowed' else 'cast_failed' end as reason,
    case kind when 'time' then 'ordered_at' when 'status' then 'status' else 'net_amount' end as column_name,
    'order_no' as id_column, order_no::varchar as id, day
  from (select order_no, day, dirt('orders', order_no, ['time', 'status', 'total']) as kind from purchase)
  union all
  select 'lines', 'order_line', kind, case kind when 'twice' then 'duplicate_key' when 'quantity' then 'cast_failed' else 'unknown_reference' end,
    case kind when 'twice' then 'order_id, line_no' when 'quantity' then 'quantity' else 'product_id' end,
    'order_no,line_no', order_no || ',' || line_no, day
  from (select order_no, line_no, day, dirt('lines', order_no * 100 + line_no, ['product', 'quantity', 'twice']) as kind from purchase_line)
  union all
  select 'payments', 'payment', kind, 'required_missing', 'amount', 'payment_no', 'Y' || order_no, day
  from (select order_no, day, dirt('payments', order_no, ['amount']) as kind from purchase where not is_cancelled)
  union all
  select 'accounts', 'customer', kind, 'cast_failed', 'registered_at', 'account_no', shop_no(i), known_day
  from (select i, known_day, dirt('accounts', i, ['created']) as kind from person where has_account)
) where kind is not null;
