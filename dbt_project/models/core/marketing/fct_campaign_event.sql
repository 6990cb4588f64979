{{ config(
  materialized=fact_materialization(),
  incremental_strategy='append',
  on_schema_change='fail',
  pre_hook=["{{ drop_changed_months('campaign_event') }}", '{{ rekey() }}']
) }}
select
  event.record_key as event_key,
  campaign.campaign_key,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  coalesce(offer.offer_key, -1) as offer_key,
  {{ date_key('event.occurred_on') }} as date_key,
  cast(event.wave_no as integer) as wave_no,
  event.channel,
  event.event_type,
  event.template_id,
  event.order_id,
  event.amount as event_amount,
  event.occurred_at
from {{ ref('stg_campaign_event') }} as event
inner join {{ ref('stg_regulars__changed_month') }} as changed
  on changed.fact = 'campaign_event' and {{ month_key('event.occurred_on') }} = changed.month_key
inner join {{ ref('dim_campaign') }} as campaign on event.campaign_id = campaign.campaign_id
left join {{ ref('dim_offer') }} as offer on event.offer_id = offer.offer_id
left join {{ ref('stg_customer_link') }} as link
  on
    event.source_system = link.source_system
    and event.customer_id = link.customer_id
    and link.valid_to is null
