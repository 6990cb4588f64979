-- The one offer that is open to a customer: the newest that was sent, still holds and was not answered. It is the
-- same in every channel until it is answered.
with sent as (
  select
    event.customer_key,
    event.offer_key,
    event.campaign_key,
    event.channel,
    event.occurred_at,
    offer.valid_to_on,
    row_number() over (
      partition by event.customer_key
      order by event.occurred_at desc, event.campaign_key asc, event.offer_key asc
    ) as preference
  from {{ ref('fct_campaign_event') }} as event
  cross join {{ ref('stg_regulars__settings') }} as settings
  inner join {{ ref('dim_offer') }} as offer on event.offer_key = offer.offer_key
  where
    event.event_type in ('printed', 'sent', 'delivered')
    and event.offer_key <> -1
    and event.customer_key <> -1
    and (offer.valid_to_on is null or offer.valid_to_on >= settings.as_of)
),

answered as (
  select
    customer_key,
    campaign_key,
    max(occurred_at) as answered_at
  from {{ ref('fct_campaign_event') }}
  where event_type in ('responded', 'redeemed', 'converted', 'unsubscribed')
  group by customer_key, campaign_key
)

select
  sent.customer_key,
  sent.offer_key,
  sent.campaign_key,
  sent.channel,
  sent.occurred_at as offered_at,
  sent.valid_to_on
from sent
left join answered
  on
    sent.customer_key = answered.customer_key
    and sent.campaign_key = answered.campaign_key
    and sent.occurred_at <= answered.answered_at
where sent.preference = 1 and answered.customer_key is null
