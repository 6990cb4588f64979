-- How much is known of a customer and how much of it is usable, over all of its records.
with reach as (
  select
    customer_key,
    max(cast(has_name as integer)) as has_name,
    max(cast(gives_email as integer)) as gives_email,
    max(cast(has_email as integer)) as has_email,
    max(cast(gives_phone as integer)) as gives_phone,
    max(cast(has_phone as integer)) as has_phone,
    max(cast(gives_address as integer)) as gives_address,
    max(cast(has_address as integer)) as has_address,
    max(cast(has_birth_date as integer)) as has_birth_date,
    max(cast(is_verified as integer)) as is_verified
  from {{ ref('stg_record_profile') }}
  group by customer_key
)

select
  customer.customer_key,
  {{ figure("(
    coalesce(reach.has_name, 0) + coalesce(reach.has_email, 0) + coalesce(reach.has_phone, 0)
    + coalesce(reach.has_address, 0)
    + case when customer.customer_type = 'person' then coalesce(reach.has_birth_date, 0) else case when customer.industry is not null then 1 else 0 end end
  ) / 5.0") }} as completeness_score,
  {{ figure(safe_divide(
    '(coalesce(reach.has_email, 0) + coalesce(reach.has_phone, 0) + coalesce(reach.has_address, 0))',
    '(reach.gives_email + reach.gives_phone + reach.gives_address)'
  )) }} as validity_score,
  coalesce(reach.has_name, 0) = 1 as has_name,
  coalesce(reach.has_email, 0) = 1 as has_email,
  coalesce(reach.has_phone, 0) = 1 as has_phone,
  coalesce(reach.has_address, 0) = 1 as has_address,
  coalesce(reach.is_verified, 0) = 1 as is_verified,
  customer.as_of
from {{ ref('dim_customer') }} as customer
left join reach on customer.customer_key = reach.customer_key
where customer.customer_key <> -1
