select distinct
  l.customer_key,
  md5_number_lower(concat_ws(chr(31), coalesce(s.postal_code, s.city), s.street, s.house_no, s.family)) as home
from {standard} as s
join {current_link} as l using (source_system, customer_id)
where s.kind = 'person'
  and s.street is not null and s.house_no is not null and s.family is not null
  and coalesce(s.postal_code, s.city) is not null
