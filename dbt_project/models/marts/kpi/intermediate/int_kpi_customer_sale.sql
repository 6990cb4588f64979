{% set measures = kpi_measures('order', ['order']) -%}
-- What each customer's orders of a period add up to; what people bought whom nobody knows (-1) together, where it comes to
-- something.
with order_row as (
  {{ fact_rows('order') }}
),

amounts as (
  select
    calendar.period_grain,
    calendar.period_start,
    order_row.customer_key,
    sum(order_row.net_amount) as sold_amount,
    {{ kpi_sums(measures) }}
  from order_row
  inner join {{ ref('int_kpi_day') }} as calendar
    on order_row.date_key = calendar.date_key and calendar.period_grain <> 'week'
  group by calendar.period_grain, calendar.period_start, order_row.customer_key
)

select
  amounts.period_grain,
  amounts.period_start,
  amounts.customer_key,
  buyer.start_state,
  amounts.sold_amount,
  {{ kpi_columns(measures, 'cast(amounts.{} as double)') }}
from amounts
left join {{ ref('int_kpi_buyer') }} as buyer
  on
    amounts.period_grain = buyer.period_grain
    and amounts.period_start = buyer.period_start
    and amounts.customer_key = buyer.customer_key
where
  amounts.customer_key <> -1
  {%- for measure in measures %}
  or amounts.m_{{ measure.measure }} <> 0
  {%- endfor %}
