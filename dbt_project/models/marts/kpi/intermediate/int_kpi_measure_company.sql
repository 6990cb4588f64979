{% set names = kpi().facts.keys() | list -%}
-- Measures of the whole company. Facts have a day, or a period where they count customers by what they were.
with periods as (
  select
    period_grain,
    period_start,
    '{{ kpi().all }}' as dimension,
    '{{ kpi().all }}' as member
  from {{ ref('int_kpi_period') }}
),

{% for fact in names if kpi_measures(fact) -%}
{% set measures = kpi_measures(fact) -%}
{{ fact }}_row as (
  {%- if fact in ('buyer', 'customer_state') %}
  select * from {{ ref(kpi().facts[fact].model) }}
  {%- else %}
  select
    calendar.period_grain,
    calendar.period_start,
    counted.*
  from ({{ fact_rows(fact) }}) as counted
  inner join {{ ref('int_kpi_day') }} as calendar on counted.date_key = calendar.date_key
  {%- endif %}
),

{{ fact }}_sum as (
  select
    period_grain,
    period_start,
    {% if fact == 'buyer' -%}
    {% for measure in measures %}count({{ measure.amount }}) as m_{{ measure.measure }}{{ ', ' if not loop.last }}{% endfor %}
    {%- elif fact == 'customer_state' -%}
    {% for measure in measures %}sum({{ measure.amount }}) as m_{{ measure.measure }}{{ ', ' if not loop.last }}{% endfor %}
    {%- else -%}
    {{ kpi_sums(measures) }}
    {%- endif %}
  from {{ fact }}_row
  group by period_grain, period_start
),

{{ fact }}_amount as (
  select
    periods.*,
    {{ kpi_columns(measures) }}
  from periods
  left join {{ fact }}_sum
    on periods.period_grain = {{ fact }}_sum.period_grain and periods.period_start = {{ fact }}_sum.period_start
){{ ',' if not loop.last }}

{% endfor -%}
{% for fact in names if kpi_measures(fact) -%}
{{ kpi_long(fact ~ '_amount', ['period_grain', 'period_start', 'dimension', 'member'], kpi_measures(fact)) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
