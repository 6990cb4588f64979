with delivered as (
  {{ preferred(ref('stg_offer'), 'offer_id') }}
),

ids as (
  select offer_id from delivered
  union
  select offer_id from {{ ref('stg_offer_product') }}
  union
  select offer_id from {{ ref('stg_campaign_event') }}
  where offer_id is not null
  union
  select offer_id from {{ ref('stg_sales_order') }}
  where offer_id is not null
)

select
  {{ surrogate_key(['ids.offer_id']) }} as offer_key,
  ids.offer_id,
  coalesce(campaign.campaign_key, -1) as campaign_key,
  case when delivered.offer_id is null then 'inferred' else 'known' end as member_type,
  delivered.name,
  delivered.kind,
  delivered.face_value as face_value_amount,
  delivered.unit_cost as unit_cost_amount,
  delivered.valid_from_on,
  delivered.valid_to_on
from ids
left join delivered on ids.offer_id = delivered.offer_id and delivered.preference = 1
left join {{ ref('dim_campaign') }} as campaign on delivered.campaign_id = campaign.campaign_id
union all
select
  -1,
  null,
  -1,
  'unknown',
  'No offer',
  null,
  null,
  null,
  null,
  null
