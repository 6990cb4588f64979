-- The channel that a customer comes through most often of their own accord, in orders and contacts other than
-- complaints; null where there are too few of them to tell. Through an outbound call nobody comes: the company does.
with channels as (
  {{ preferred(ref('stg_channel'), 'channel') }}
),

used as (
  select
    customer_key,
    channel
  from {{ ref('fct_order') }}
  where channel is not null and not is_cancelled and refunded_order_key is null and customer_key <> -1
  union all
  select
    customer_key,
    channel
  from {{ ref('fct_contact') }}
  where direction = 'in' and contact_type <> 'complaint' and channel is not null and customer_key <> -1
),

counted as (
  select
    used.customer_key,
    used.channel,
    count(*) as uses,
    sum(count(*)) over (partition by used.customer_key) as all_uses,
    row_number() over (partition by used.customer_key order by count(*) desc, used.channel asc) as preference
  from used
  left join channels on used.channel = channels.channel and channels.preference = 1
  where coalesce(channels.channel_type, used.channel) <> 'outbound_call'
  group by used.customer_key, used.channel
)

select
  counted.customer_key,
  counted.channel,
  {{ figure(safe_divide('counted.uses', 'counted.all_uses')) }} as share
from counted
inner join {{ ref('stg_regulars__settings') }} as settings
  on counted.all_uses >= settings.channel_min_contacts
where counted.preference = 1
