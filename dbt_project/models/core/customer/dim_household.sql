with member as (
  select
    bridge.household_key,
    bridge.basis,
    customer.household_size,
    customer.city,
    customer.region,
    customer.country,
    customer.as_of
  from {{ ref('bridge_household') }} as bridge
  inner join {{ ref('dim_customer') }} as customer on bridge.customer_key = customer.customer_key
)

select
  household_key,
  cast(count(*) as integer) as members,
  cast(max(household_size) as integer) as stated_size,
  max(city) as city,
  max(region) as region,
  max(country) as country,
  case when count(distinct basis) > 1 then 'address and relation' else max(basis) end as basis,
  max(as_of) as as_of
from member
group by household_key
