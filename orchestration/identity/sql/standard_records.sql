select
  r.source_system,
  r.customer_id,
  case when r.customer_type = 'organisation' then 'organisation' else 'person' end as kind,
  std_title as title,
  std_given as given,
  std_middle as middle,
  std_family as family,
  std_han as han,
  std_key as name_key,
  std_roots as given_roots,
  r.gender,
  r.birth_date,
  std_email as email,
  nullif(
    list_sort(list_distinct(list_filter([std_mobile, std_phone], lambda p: p is not null))), []) as phones,
  {national_id} as national_id,
  {card_no} as card_no,
  std_street as street,
  std_number as house_no,
  std_city as city,
  std_region as region,
  {postal_code} as postal_code,
  std_country as country,
  std_occupation as occupation,
  std_core as organisation,
  std_form as legal_form,
  r.email_verified_at is not null as email_verified,
  r.phone_verified_at is not null as phone_verified
  {carried}
from (
  select
    *,
    case when customer_type is distinct from 'organisation' then {person_key} end as person_key,
    case when customer_type = 'organisation' then coalesce(organisation_name, full_name) end
      as organisation_key
  from {records}
) as r
left join (select *, {person_key} as person_key from {person}) as p on p.person_key = r.person_key
left join {organisation} as o on o.name = r.organisation_key
left join {email} using (email)
left join {phone} using (phone)
left join {mobile} using (mobile)
left join {address} using (address_line)
left join {city} as s on s.city = r.city
left join {region} as g on g.region = r.region
left join {country} as c on c.country = r.country
left join {occupation} as j on j.occupation = r.occupation
