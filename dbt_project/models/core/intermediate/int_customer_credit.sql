-- The credit score is sensitive: it stays in the warehouse and reaches readers only within the value index.
select
  link.customer_key,
  max(cast(version.credit_score as double)) as credit_score
from {{ ref('stg_customer_version') }} as version
inner join {{ ref('stg_customer_link') }} as link
  on version.source_system = link.source_system and version.customer_id = link.customer_id and link.valid_to is null
where version.version_to is null and version.credit_score is not null
group by link.customer_key
