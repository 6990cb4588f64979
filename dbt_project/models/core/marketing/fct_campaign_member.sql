select
  campaign.campaign_key,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  {{ date_key('member.assigned_on') }} as date_key,
  cast(member.wave_no as integer) as wave_no,
  member.arm,
  member.cell,
  member.list_id,
  member.assigned_at
from {{ ref('stg_campaign_member') }} as member
inner join {{ ref('dim_campaign') }} as campaign on member.campaign_id = campaign.campaign_id
left join {{ ref('stg_customer_link') }} as link
  on
    member.source_system = link.source_system
    and member.customer_id = link.customer_id
    and link.valid_to is null
