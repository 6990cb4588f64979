create or replace table {record_profile} as
select
  s.source_system,
  s.customer_id,
  l.source_customer_key,
  l.customer_key,
  s.kind,
  coalesce(s.organisation, s.name_key) is not null as has_name,
  list_contains({asking}, s.source_system) as asks_contact,
  r.email is not null as gives_email,
  s.email is not null as has_email,
  coalesce(r.phone, r.mobile) is not null as gives_phone,
  s.phones is not null as has_phone,
  r.address_line is not null as gives_address,
  s.street is not null and coalesce(s.postal_code, s.city) is not null as has_address,
  s.birth_date is not null as has_birth_date,
  s.email_verified or s.phone_verified or r.address_verified_at is not null as is_verified,
  s.email_verified,
  s.phone_verified,
  r.address_verified_at is not null as address_verified,
  greatest(r.email_verified_at, r.phone_verified_at, r.address_verified_at) as verified_at
from {standard} as s
join {current_link} as l using (source_system, customer_id)
join {current_record} as r using (source_system, customer_id)
