{{ config(materialized='table') }}
-- Records of a source with their customer, and what survivorship looks at.
select
  link.customer_key,
  link.source_customer_key,
  customer.*,
  coalesce(profile.is_verified, false) as is_verified,
  coalesce(priority.priority, 999) as priority,
  count(*) over (partition by link.customer_key) as records
from {{ ref('stg_customer') }} as customer
inner join {{ ref('stg_customer_link') }} as link
  on
    customer.source_system = link.source_system
    and customer.customer_id = link.customer_id
    and link.valid_to is null
left join {{ ref('stg_record_profile') }} as profile on link.source_customer_key = profile.source_customer_key
left join {{ ref('stg_regulars__source_priority') }} as priority
  on customer.source_system = priority.source_system
