-- Who denied every channel that the company asks about: one that at least one in a hundred was asked about, so that a
-- slip of the pen in a channel's name lets nobody in. Who was asked about fewer may still be reached by the others.
with said as (
  select
    customer_key,
    lower(trim(channel)) as channel,
    status,
    recorded_on
  from {{ ref('int_customer_consent') }}
),

everybody as (
  select count(distinct customer_key) as customers
  from said
),

by_channel as (
  select
    channel,
    count(distinct customer_key) as customers
  from said
  group by channel
),

asked as (
  select by_channel.channel
  from by_channel
  cross join everybody
  where by_channel.customers * 100 >= everybody.customers
),

customer as (
  select
    said.customer_key,
    max(said.recorded_on) as since,
    count(distinct asked.channel) as channels,
    sum(case when said.status = 'granted' then 1 else 0 end) as granted
  from said
  left join asked on said.channel = asked.channel
  group by said.customer_key
)

select
  customer_key,
  since,
  cast(channels as integer) as channels
from customer
where granted = 0 and channels = (select count(*) from asked)
