{% set facts = {
  'order': ('sales_order', 'ordered_on'),
  'campaign_event': ('campaign_event', 'occurred_on'),
  'promotion': ('promotion', 'week_start'),
} -%}
-- Months whose facts differ from the last whole build's: a row of theirs arrived or was superseded, `as_of`
-- moved over their days, or they were asked for. All months where there is no build to continue.
with settings as (
  select * from {{ source('audit', 'refresh_settings') }}
),

{% for fact, place in facts.items() -%}
{{ fact }}_day as (
  select distinct rows_.{{ place[1] }} as fact_day
  from {{ source('input', place[0]) }} as rows_
  cross join settings
  where
    settings.built_known_at is null
    or rows_._loaded_at > settings.built_known_at
    or rows_._superseded_at > settings.built_known_at
    or (rows_.{{ place[1] }} > settings.built_as_of and rows_.{{ place[1] }} <= settings.as_of)
    or rows_.{{ place[1] }} between settings.rebuild_from and settings.rebuild_to
),

{% endfor -%}
-- A line changes its order, be it accepted or not; so do a cancellation whose day has come, and a rate of its currency.
-- Refunds are not continued but made anew each time.
part_day as (
  select distinct orders.ordered_on as fact_day
  from {{ source('input', 'order_line') }} as line
  inner join {{ source('input', 'sales_order') }} as orders on line._parent_key = orders._record_key
  cross join settings
  where line._loaded_at > settings.built_known_at or line._superseded_at > settings.built_known_at
  union
  select distinct orders.ordered_on
  from {{ source('input', 'sales_order') }} as orders
  cross join settings
  where orders.cancelled_on > settings.built_as_of and orders.cancelled_on <= settings.as_of
  union
  select distinct orders.ordered_on
  from {{ source('audit', 'quarantined_order') }} as waiting
  inner join {{ source('input', 'sales_order') }} as orders on waiting.order_key = orders._record_key
  cross join settings
  where waiting.quarantined_at > settings.built_known_at
  union
  select distinct orders.ordered_on
  from {{ source('input', 'exchange_rate') }} as rate
  cross join settings
  inner join {{ source('input', 'sales_order') }} as orders
    on
      rate.currency = orders.currency
      and rate.day <= orders.ordered_on
      and orders.ordered_on <= {{ add_days('rate.day', 'settings.exchange_rate_max_age_days') }}
  where
    rate._loaded_at > settings.built_known_at
    or rate._superseded_at > settings.built_known_at
)

select distinct
  'order' as fact,
  {{ month_key('fact_day') }} as month_key
from (
  select fact_day from order_day
  union
  select fact_day from part_day
) as days
union all
select distinct
  'campaign_event',
  {{ month_key('fact_day') }}
from campaign_event_day
union all
select distinct
  'promotion',
  {{ month_key('fact_day') }}
from promotion_day
