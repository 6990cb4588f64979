-- What bought profiles brought, by provider and list: how many are customers, what they filled, what they cost.
with filled as (
  select
    provider,
    count(*) as fields
  from {{ ref('customer_lineage') }}
  where provider is not null
  group by provider
)

select
  profile.provider,
  profile.list_id,
  profile.profiles,
  profile.matched,
  {{ figure(safe_divide('profile.matched', 'profile.profiles')) }} as match_rate,
  profile.expired,
  cast(coalesce(filled.fields, 0) as integer) as provider_fields_filled,
  {{ money('profile.cost_amount') }} as cost_amount,
  settings.as_of
from {{ ref('int_profile_list') }} as profile
cross join {{ ref('stg_regulars__settings') }} as settings
left join filled on profile.provider = filled.provider
