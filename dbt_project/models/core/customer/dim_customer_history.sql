-- Type-2 history, a pure function of the versions that arrived: of a customer's records the one that changed
-- last stands for the customer from its change on. Customers without a record have one span without attributes.
with links as (
  select * from {{ ref('stg_customer_link') }}
  where valid_to is null
),

versions as (
  select
    links.customer_key,
    customer.*,
    lead(customer.version_from) over (
      partition by links.customer_key
      order by
        customer.version_from asc, customer.version_at asc, customer.source_system desc, customer.customer_id desc
    ) as next_from
  from {{ ref('stg_customer_version') }} as customer
  inner join links
    on customer.source_system = links.source_system and customer.customer_id = links.customer_id
),

customers as (
  select distinct customer_key from links
)

select
  customers.customer_key,
  coalesce(versions.version_from, timestamp '1900-01-01 00:00:00') as valid_from,
  versions.next_from as valid_to,
  coalesce(versions.customer_type, 'person') as customer_type,
  versions.gender,
  versions.city,
  versions.region,
  versions.country,
  versions.occupation,
  versions.education,
  versions.income_band,
  versions.marital_status,
  cast(versions.household_size as integer) as household_size,
  versions.home_owner,
  versions.industry,
  cast(versions.employees as integer) as employees,
  versions.preferred_language,
  versions.status,
  versions.is_listed,
  settings.as_of
from customers
cross join {{ ref('stg_regulars__settings') }} as settings
left join versions
  on
    customers.customer_key = versions.customer_key
    and (versions.next_from is null or versions.next_from > versions.version_from)
