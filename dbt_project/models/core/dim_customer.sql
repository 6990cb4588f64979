with links as (
  select * from {{ ref('stg_customer_link') }}
  where valid_to is null and rule <> 'shared_id'
),

-- Until survivorship rules arrive, the record that changed last stands for the customer as a whole.
records as (
  select
    links.customer_key,
    customer.*,
    row_number() over (
      partition by links.customer_key
      order by customer.version_at desc, customer.source_system asc, customer.customer_id asc
    ) as preference
  from {{ ref('stg_customer') }} as customer
  inner join links
    on customer.source_system = links.source_system and customer.customer_id = links.customer_id
),

customers as (
  select
    customer_key,
    cast(count(*) as integer) as source_records
  from links
  group by customer_key
)

select
  customers.customer_key,
  case when records.customer_key is null then 'inferred' else 'known' end as member_type,
  coalesce(records.customer_type, 'person') as customer_type,
  records.gender,
  cast(year(records.birth_date) as integer) as birth_year,
  records.city,
  records.region,
  records.country,
  records.occupation,
  records.education,
  records.income_band,
  records.marital_status,
  cast(records.household_size as integer) as household_size,
  records.home_owner,
  records.industry,
  cast(records.employees as integer) as employees,
  records.preferred_language,
  records.status,
  records.is_listed,
  records.acquisition_channel,
  coalesce(campaign.campaign_key, -1) as acquisition_campaign_key,
  records.attributes,
  records.registered_on,
  customers.source_records,
  settings.as_of
from customers
cross join {{ ref('stg_regulars__settings') }} as settings
left join records on customers.customer_key = records.customer_key and records.preference = 1
left join {{ ref('dim_campaign') }} as campaign on records.acquisition_campaign_id = campaign.campaign_id
union all
select
  -1,
  'unknown',
  'unknown',
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  -1,
  null,
  null,
  0,
  as_of
from {{ ref('stg_regulars__settings') }}
