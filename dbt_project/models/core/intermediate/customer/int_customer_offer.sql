-- The one offer that is open to a customer: the newest that was sent and came, still holds and was not answered in any
-- channel: by an event of its campaign, a contact that sells it, or an order with it. An answer that names an offer is
-- to that one alone, any other to all of its campaign. It is the same in every channel until then.
with events as (
  select
    customer_key,
    campaign_key,
    offer_key,
    channel,
    wave_no,
    event_type,
    occurred_at
  from {{ ref('fct_campaign_event') }}
  where customer_key <> -1
),

answered as (
  select
    customer_key,
    campaign_key,
    case when event_type = 'unsubscribed' then -1 else offer_key end as offer_key,
    occurred_at as answered_at
  from events
  where event_type in ('responded', 'redeemed', 'converted', 'unsubscribed')
  union all
  select
    customer_key,
    campaign_key,
    -1,
    contacted_at
  from {{ ref('fct_contact') }}
  where is_accepted is not null or (contact_type in ('marketing', 'transaction') and result in ('success', 'refused'))
  union all
  select
    customer_key,
    campaign_key,
    offer_key,
    ordered_at
  from {{ ref('fct_order') }}
  where not is_cancelled and refunded_order_key is null
),

-- a message is sent once, however often its way is logged; a later wave makes the offer again
sent as (
  select
    customer_key,
    offer_key,
    campaign_key,
    channel,
    wave_no,
    min(case when event_type in ('printed', 'sent', 'delivered') then occurred_at end) as offered_at,
    max(case when event_type in ('bounced', 'returned') then occurred_at end) as failed_at
  from events
  where offer_key <> -1 and event_type in ('printed', 'sent', 'delivered', 'bounced', 'returned')
  group by customer_key, offer_key, campaign_key, channel, wave_no
),

made as (
  select
    sent.customer_key,
    sent.offer_key,
    sent.campaign_key,
    sent.channel,
    sent.offered_at,
    offer.valid_to_on
  from sent
  cross join {{ ref('stg_regulars__settings') }} as settings
  inner join {{ ref('dim_offer') }} as offer on sent.offer_key = offer.offer_key
  where
    sent.offered_at is not null
    and sent.failed_at is null
    and (offer.valid_to_on is null or offer.valid_to_on >= settings.as_of)
),

still_open as (
  select
    made.*,
    row_number() over (
      partition by made.customer_key
      order by made.offered_at desc, made.campaign_key asc, made.offer_key asc, made.channel asc
    ) as preference
  from made
  where not exists (
    select answered.customer_key
    from answered
    where
      answered.customer_key = made.customer_key
      and answered.answered_at >= made.offered_at
      and (
        (answered.offer_key <> -1 and answered.offer_key = made.offer_key)
        or (answered.offer_key = -1 and answered.campaign_key <> -1 and answered.campaign_key = made.campaign_key)
      )
  )
)

select
  customer_key,
  offer_key,
  campaign_key,
  channel,
  offered_at,
  valid_to_on
from still_open
where preference = 1
