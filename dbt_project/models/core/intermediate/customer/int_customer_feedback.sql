-- What customers say of orders and of the company, and what was done at their products: reviews, answers to surveys,
-- service. In words, for the timeline; rows of unknown customers are left out.
with told as (
  select
    source_system,
    customer_id,
    reviewed_at as occurred_at,
    'review' as kind,
    'sales' as department,
    'Rated ' || coalesce(cast(cast(rating as decimal(18, 1)) as string), 'without points')
    || coalesce(' of ' || cast(cast(rating_max as decimal(18, 1)) as string), '') as summary
  from {{ ref('stg_review') }}
  union all
  select
    source_system,
    customer_id,
    answered_at,
    'survey',
    'marketing',
    coalesce(survey, 'Survey') || coalesce(', ' || topic, '')
    || coalesce(': ' || cast(cast(score as decimal(18, 1)) as string), '')
    || coalesce(' of ' || cast(cast(scale_max as decimal(18, 1)) as string), '')
  from {{ ref('stg_survey') }}
  union all
  select
    source_system,
    customer_id,
    occurred_at,
    'service',
    'service',
    'Service' || coalesce(' of ' || product_model, '') || coalesce(', fault ' || fault_code, '')
  from {{ ref('stg_service_event') }}
  where occurred_at is not null
)

select
  link.customer_key,
  told.occurred_at,
  told.kind,
  told.department,
  told.summary
from told
inner join {{ ref('stg_customer_link') }} as link
  on told.source_system = link.source_system and told.customer_id = link.customer_id and link.valid_to is null
