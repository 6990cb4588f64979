{{ config(materialized='table') }}
-- What bought profiles say of a customer, as long as it is valid; of several the one that holds longest.
select
  field.customer_key,
  field.field,
  field.value,
  field.provider
from (
  select
    stg.*,
    row_number() over (
      partition by stg.customer_key, stg.field
      order by stg.valid_until desc, stg.provider asc, stg.record_key asc
    ) as preference
  from {{ ref('stg_profile_field') }} as stg
  cross join {{ ref('stg_regulars__settings') }} as settings
  where stg.valid_until is null or stg.valid_until >= settings.as_of
) as field
where field.preference = 1
