with shared_phone as (
  select coalesce(list(value), []) as numbers from {shared_value} where rule = 'phone'
),
clean as (
  select * exclude (raw_hash, numbers) replace (
    case when email not in (select value from {shared_value} where rule = 'email') then email end as email,
    nullif(list_filter(phones, lambda p: not list_contains(numbers, p)), []) as phones,
    case when national_id not in (select value from {shared_value} where rule = 'national_id') then national_id end
      as national_id,
    case when card_no not in (select value from {shared_value} where rule = 'card_no') then card_no end as card_no
  )
  from {standard_customer} semi join {present} using (source_system, customer_id)
  cross join shared_phone
),
bound as (
  select left_system as source_system, left_customer_id as customer_id from {together}
  union select right_system, right_customer_id from {together}
  union select left_system, left_customer_id from {apart}
  union select right_system, right_customer_id from {apart}
),
named as (
  select
    c.*,
    case
      when b.customer_id is not null
        or list_contains({once_systems}, c.source_system)
        or coalesce(organisation, name_key) is null
        or coalesce(birth_date::varchar, email, phones[1], national_id, card_no, street || house_no) is null
      then c.source_system || chr(31) || c.customer_id
    end as own_name
  from clean as c
  left join bound as b using (source_system, customer_id)
)
select * exclude (own_name), {form} as form from named
