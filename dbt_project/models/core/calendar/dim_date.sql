{% set dated = {
  'sales_order': 'ordered_on', 'product_return': 'requested_on', 'payment': 'paid_on', 'billing': 'issued_on',
  'contact': 'contacted_on', 'loyalty_points': 'occurred_on', 'campaign_event': 'occurred_on',
  'campaign_member': 'assigned_on', 'promotion': 'week_start',
} -%}
with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

fact_day as (
  {% for entity, day in dated.items() -%}
  select min({{ day }}) as first_day
  from {{ ref('stg_' ~ entity) }}
  {% if not loop.last -%}
  union all
  {% endif -%}
  {% endfor %}
),

bounds as (
  select
    {{ period_start('year', 'coalesce(min(fact_day.first_day), max(settings.as_of))') }} as first_day,
    {{ add_days(add_months(period_start('year', 'max(settings.as_of)'), 12), -1) }} as last_day
  from settings
  left join fact_day on true
),

days as (
  {{ day_series('(select first_day from bounds)', '(select last_day from bounds)') }}
),

calendar as (
  select
    days.date_day,
    {{ iso_weekday('days.date_day') }} as iso_weekday,
    {{ add_months('days.date_day', '1 - settings.fiscal_year_start_month') }} as fiscal_day,
    settings.week_start_iso
  from days
  cross join settings
)

select
  {{ date_key('date_day') }} as date_key,
  date_day,
  iso_weekday,
  iso_weekday >= 6 as is_weekend,
  {{ add_days('date_day', '-((iso_weekday - week_start_iso + 7) % 7)') }} as week_start,
  {{ period_start('month', 'date_day') }} as month_start,
  {{ period_start('quarter', 'date_day') }} as quarter_start,
  {{ period_start('year', 'date_day') }} as year_start,
  cast(day(date_day) as integer) as day_of_month,
  cast(month(date_day) as integer) as month_of_year,
  cast(quarter(date_day) as integer) as quarter_of_year,
  cast(year(date_day) as integer) as calendar_year,
  cast(year(fiscal_day) as integer) as fiscal_year
from calendar
union all
select
  -1,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null
