-- The one offer that is open to a customer: the newest that was sent, still holds and was not answered in any channel:
-- by an event of its campaign, a contact about it, or an order with it. It is the same in every channel until then.
with answered as (
  select
    customer_key,
    campaign_key,
    offer_key,
    occurred_at as answered_at
  from {{ ref('fct_campaign_event') }}
  where event_type in ('responded', 'redeemed', 'converted', 'unsubscribed')
  union all
  select
    customer_key,
    campaign_key,
    -1,
    contacted_at
  from {{ ref('fct_contact') }}
  where is_accepted is not null or result in ('success', 'refused')
  union all
  select
    customer_key,
    campaign_key,
    offer_key,
    ordered_at
  from {{ ref('fct_order') }}
  where not is_cancelled and refunded_order_key is null
),

sent as (
  select
    event.customer_key,
    event.offer_key,
    event.campaign_key,
    event.channel,
    event.occurred_at,
    offer.valid_to_on
  from {{ ref('fct_campaign_event') }} as event
  cross join {{ ref('stg_regulars__settings') }} as settings
  inner join {{ ref('dim_offer') }} as offer on event.offer_key = offer.offer_key
  where
    event.event_type in ('printed', 'sent', 'delivered')
    and event.offer_key <> -1
    and event.customer_key <> -1
    and (offer.valid_to_on is null or offer.valid_to_on >= settings.as_of)
),

still_open as (
  select
    sent.*,
    row_number() over (
      partition by sent.customer_key
      order by sent.occurred_at desc, sent.campaign_key asc, sent.offer_key asc
    ) as preference
  from sent
  where not exists (
    select answered.customer_key
    from answered
    where
      answered.customer_key = sent.customer_key
      and answered.answered_at >= sent.occurred_at
      and (
        (answered.offer_key <> -1 and answered.offer_key = sent.offer_key)
        or (answered.campaign_key <> -1 and answered.campaign_key = sent.campaign_key)
      )
  )
)

select
  customer_key,
  offer_key,
  campaign_key,
  channel,
  occurred_at as offered_at,
  valid_to_on
from still_open
where preference = 1
