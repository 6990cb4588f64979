-- What each customer allows, by channel: the newest word of any of the records.
select
  customer_key,
  channel,
  status,
  recorded_on
from (
  select
    link.customer_key,
    consent.channel,
    consent.status,
    consent.recorded_on,
    row_number() over (
      partition by link.customer_key, consent.channel
      order by consent.recorded_at desc, consent.status asc, consent.record_key asc
    ) as preference
  from {{ ref('stg_consent') }} as consent
  inner join {{ ref('stg_customer_link') }} as link
    on
      consent.source_system = link.source_system
      and consent.customer_id = link.customer_id
      and link.valid_to is null
) as newest
where preference = 1
