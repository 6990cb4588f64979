-- Bought profiles by provider and list: how many, how many are customers, what the list cost.
with profile as (
  select
    coalesce(profile.provider, 'unknown') as provider,
    coalesce(profile.list_id, 'none') as list_id,
    cast(count(*) as integer) as profiles,
    cast(count(matched.record_key) as integer) as matched,
    cast(sum(case when profile.valid_until < settings.as_of then 1 else 0 end) as integer) as expired
  from {{ ref('stg_external_profile') }} as profile
  cross join {{ ref('stg_regulars__settings') }} as settings
  left join {{ ref('stg_profile_match') }} as matched on profile.record_key = matched.record_key
  group by coalesce(profile.provider, 'unknown'), coalesce(profile.list_id, 'none')
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
  profile.profiles,
  profile.matched,
  profile.expired,
  cost.cost_amount
from profile
left join cost on profile.list_id = cost.list_id
