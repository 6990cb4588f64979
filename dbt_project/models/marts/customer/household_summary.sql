-- What a household is worth together.
select
  household.household_key,
  household.members,
  household.city,
  cast(coalesce(sum(lifecycle.frequency), 0) as integer) as orders,
  {{ money('coalesce(sum(lifecycle.monetary), 0)') }} as monetary,
  max(lifecycle.last_purchase_on) as last_purchase_on,
  cast(sum(case when lifecycle.state_basic in ('new', 'active') then 1 else 0 end) as integer) as active_members,
  max(household.as_of) as as_of
from {{ ref('dim_household') }} as household
inner join {{ ref('bridge_household') }} as bridge on household.household_key = bridge.household_key
left join {{ ref('customer_lifecycle') }} as lifecycle on bridge.customer_key = lifecycle.customer_key
group by household.household_key, household.members, household.city
