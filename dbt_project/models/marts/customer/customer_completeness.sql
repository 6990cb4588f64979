-- How much is known of a customer and how much of it is usable, over all of its records.
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
left join {{ ref('int_customer_reach') }} as reach on customer.customer_key = reach.customer_key
where customer.customer_key <> -1
