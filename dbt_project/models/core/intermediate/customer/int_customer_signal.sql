-- What customers do beside buying, and what is done to them, by day. A new source of signals is one more branch.
with signals as (
  select
    customer_key,
    date_key,
    'response' as signal
  from {{ ref('fct_campaign_event') }}
  where event_type in ('opened', 'clicked', 'responded', 'registered', 'attended', 'redeemed', 'converted', 'feedback')
  union all
  select
    customer_key,
    date_key,
    'return'
  from {{ ref('fct_return') }}
  union all
  select
    customer_key,
    date_key,
    case when contact_type = 'complaint' then 'complaint' else 'contact' end
  from {{ ref('fct_contact') }}
  where direction = 'in'
)

select
  signals.customer_key,
  calendar.date_day as signal_on,
  signals.signal,
  cast(count(*) as integer) as signals
from signals
inner join {{ ref('dim_date') }} as calendar on signals.date_key = calendar.date_key
where signals.customer_key <> -1
group by signals.customer_key, calendar.date_day, signals.signal
