select
  points.record_key as entry_key,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  coalesce(campaign.campaign_key, -1) as campaign_key,
  {{ date_key('points.occurred_on') }} as date_key,
  points.kind,
  points.activity,
  points.points,
  points.occurred_at
from {{ ref('stg_loyalty_points') }} as points
left join {{ ref('dim_campaign') }} as campaign on points.campaign_id = campaign.campaign_id
left join {{ ref('stg_customer_link') }} as link
  on
    points.source_system = link.source_system
    and points.customer_id = link.customer_id
    and link.valid_to is null
