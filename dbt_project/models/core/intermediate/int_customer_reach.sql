{{ config(materialized='table') }}
-- What a customer can be reached by, over all of its records.
select
  customer_key,
  max(cast(has_name as integer)) as has_name,
  max(cast(gives_email as integer)) as gives_email,
  max(cast(has_email as integer)) as has_email,
  max(cast(gives_phone as integer)) as gives_phone,
  max(cast(has_phone as integer)) as has_phone,
  max(cast(gives_address as integer)) as gives_address,
  max(cast(has_address as integer)) as has_address,
  max(cast(has_birth_date as integer)) as has_birth_date,
  max(cast(is_verified as integer)) as is_verified
from {{ ref('stg_record_profile') }}
group by customer_key
