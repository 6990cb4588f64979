select
  contact.record_key as contact_key,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  coalesce(product.product_key, -1) as product_key,
  coalesce(campaign.campaign_key, -1) as campaign_key,
  {{ date_key('contact.contacted_on') }} as date_key,
  contact.channel,
  contact.direction,
  contact.contact_type,
  contact.business_type,
  contact.topic,
  case
    when agent.role = 'telemarketing' then 'telemarketing'
    when agent.role in ('sales', 'field') then 'sales'
    when agent.role = 'service' then 'service'
    when contact.contact_type = 'marketing' then 'marketing'
    when contact.contact_type = 'transaction' then 'sales'
    else 'service'
  end as department,
  contact.result,
  cast(contact.wave_no as integer) as wave_no,
  contact.accepted as is_accepted,
  contact.rating,
  {{ money('coalesce(contact.call_cost, channel.cost_per_contact, 0)') }} as contact_cost,
  contact.sold_amount,
  contact.duration_seconds,
  contact.wait_seconds,
  contact.response_seconds,
  contact.contacted_at
from {{ ref('stg_contact') }} as contact
left join {{ ref('stg_customer_link') }} as link
  on
    contact.source_system = link.source_system
    and contact.customer_id = link.customer_id
    and link.valid_to is null
left join ({{ preferred(ref('stg_channel'), 'channel') }}) as channel
  on contact.channel = channel.channel and channel.preference = 1
left join ({{ preferred(ref('stg_agent'), 'agent_id') }}) as agent
  on contact.agent_id = agent.agent_id and agent.preference = 1
left join {{ ref('dim_product') }} as product on contact.product_id = product.product_id
left join {{ ref('dim_campaign') }} as campaign on contact.campaign_id = campaign.campaign_id
