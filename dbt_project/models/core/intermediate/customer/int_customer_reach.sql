{{ config(materialized='table') }}
-- What a customer can be reached by, over all of its records. Where no source of theirs has contact fields at all,
-- whether they can be reached is not known (`is_contact_known`); a field that is empty in every row is known to be.
select
  record.customer_key,
  max(cast(record.asks_contact as integer)) as is_contact_known,
  max(cast(record.has_name as integer)) as has_name,
  max(cast(record.gives_email as integer)) as gives_email,
  max(cast(record.has_email as integer)) as has_email,
  max(cast(record.gives_phone as integer)) as gives_phone,
  max(cast(record.has_phone as integer)) as has_phone,
  max(cast(record.gives_address as integer)) as gives_address,
  max(cast(record.has_address as integer)) as has_address,
  max(cast(record.has_birth_date as integer)) as has_birth_date,
  max(cast(record.is_verified as integer)) as is_verified
from {{ ref('stg_record_profile') }} as record
group by record.customer_key
