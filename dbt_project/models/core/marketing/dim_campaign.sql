with delivered as (
  {{ preferred(ref('stg_campaign'), 'campaign_id') }}
),

ids as (
  select campaign_id from delivered
  union
  select campaign_id from {{ ref('stg_campaign_member') }}
  union
  select campaign_id from {{ ref('stg_campaign_event') }}
  union
  select campaign_id from {{ ref('stg_offer') }}
  where campaign_id is not null
  union
  select campaign_id from {{ ref('stg_sales_order') }}
  where campaign_id is not null
)

select
  {{ surrogate_key(['ids.campaign_id']) }} as campaign_key,
  ids.campaign_id,
  case when delivered.campaign_id is null then 'inferred' else 'known' end as member_type,
  delivered.name,
  delivered.objective,
  delivered.kpi_code,
  delivered.kpi_target,
  delivered.channel,
  delivered.owner,
  delivered.budget_amount,
  delivered.starts_on,
  delivered.ends_on
from ids
left join delivered on ids.campaign_id = delivered.campaign_id and delivered.preference = 1
union all
select
  -1,
  null,
  'unknown',
  'No campaign',
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null
