-- What bought profiles brought, by provider and list: how many are customers, what they filled, what they cost.
with profile as (
  select
    coalesce(profile.provider, 'unknown') as provider,
    coalesce(profile.list_id, 'none') as list_id,
    count(*) as profiles,
    count(matched.record_key) as matched,
    sum(case when profile.valid_until < settings.as_of then 1 else 0 end) as expired
  from {{ ref('stg_external_profile') }} as profile
  cross join {{ ref('stg_regulars__settings') }} as settings
  left join {{ ref('stg_profile_match') }} as matched on profile.record_key = matched.record_key
  group by coalesce(profile.provider, 'unknown'), coalesce(profile.list_id, 'none')
),

filled as (
  select
    provider,
    count(*) as fields
  from {{ ref('customer_lineage') }}
  where provider is not null
  group by provider
),

cost as (
  select
    list_id,
    sum(cost_amount) as cost_amount
  from {{ ref('stg_list_source') }}
  group by list_id
)

select
  profile.provider,
  profile.list_id,
  cast(profile.profiles as integer) as profiles,
  cast(profile.matched as integer) as matched,
  {{ figure(safe_divide('profile.matched', 'profile.profiles')) }} as match_rate,
  cast(profile.expired as integer) as expired,
  cast(coalesce(filled.fields, 0) as integer) as provider_fields_filled,
  {{ money('cost.cost_amount') }} as cost_amount,
  settings.as_of
from profile
cross join {{ ref('stg_regulars__settings') }} as settings
left join filled on profile.provider = filled.provider
left join cost on profile.list_id = cost.list_id
