-- The golden record: fields by survivorship, empty ones filled from bought profiles.
with customers as (
  select
    customer_key,
    cast(count(*) as integer) as source_records
  from {{ ref('stg_customer_link') }}
  where valid_to is null and rule <> 'shared_id'
  group by customer_key
)

select
  customers.customer_key,
  case when golden.customer_key is null then 'inferred' else 'known' end as member_type,
  coalesce(golden.customer_type, 'person') as customer_type,
  coalesce(golden.gender, bought.gender) as gender,
  cast(year(golden.birth_date) as integer) as birth_year,
  coalesce(golden.city, bought.city) as city,
  golden.region,
  golden.country,
  coalesce(golden.occupation, bought.occupation) as occupation,
  coalesce(golden.education, bought.education) as education,
  coalesce(golden.income_band, bought.income_band) as income_band,
  coalesce(golden.marital_status, bought.marital_status) as marital_status,
  cast(golden.household_size as integer) as household_size,
  golden.home_owner = 1 as home_owner,
  coalesce(golden.industry, bought.industry) as industry,
  cast(coalesce(golden.employees, try_cast(bought.employees as integer)) as integer) as employees,
  bought.ownership,
  try_cast(bought.turnover as decimal(18, 4)) as turnover_amount,
  bought.credit_grade,
  golden.preferred_language,
  golden.status,
  golden.is_listed = 1 as is_listed,
  golden.acquisition_channel,
  coalesce(campaign.campaign_key, -1) as acquisition_campaign_key,
  household.household_key,
  organisation.ancestor_key as ultimate_parent_key,
  golden.attributes,
  golden.registered_on,
  customers.source_records,
  settings.as_of
from customers
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('int_customer_golden') }} as golden on customers.customer_key = golden.customer_key
left join {{ ref('int_customer_enriched') }} as bought on customers.customer_key = bought.customer_key
left join {{ ref('dim_campaign') }} as campaign on golden.acquisition_campaign_id = campaign.campaign_id
left join {{ ref('stg_household_member') }} as household on customers.customer_key = household.customer_key
left join {{ ref('stg_organisation_ancestor') }} as organisation
  on customers.customer_key = organisation.customer_key and organisation.is_ultimate
union all
select
  -1,
  'unknown',
  'unknown',
  {% for _ in range(20) %}null,
  {% endfor -%}
  -1,
  null,
  null,
  null,
  null,
  0,
  as_of
from {{ ref('stg_regulars__settings') }}
