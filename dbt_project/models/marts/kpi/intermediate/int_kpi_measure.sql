-- Every measure now and before. What the company sold to people nobody knows is a member of its own in the
-- dimensions of customers, so that members add up to the whole.
{% set names = kpi_measures() -%}
with own as (
  select
    period_grain,
    period_start,
    dimension,
    member,
    {{ names | join(', ') }}
  from {{ ref('int_kpi_measure_company') }}
  union all
  select
    period_grain,
    period_start,
    dimension,
    member,
    {{ names | join(', ') }}
  from {{ ref('int_kpi_measure_order') }}
  union all
  select
    company.period_grain,
    company.period_start,
    sliced.dimension,
    '(anonymous)',
    {% for name in names -%}
    {{ 'company.anonymous_sales' if name in ('sales', 'anonymous_sales') else '0' }}{{ ', ' if not loop.last }}
    {%- endfor %}
  from {{ ref('int_kpi_measure_company') }} as company
  cross join (select distinct dimension from {{ ref('int_kpi_measure_customer') }}) as sliced
  where company.period_grain <> 'week' and company.anonymous_sales <> 0
)

select
  own.period_grain,
  own.period_start,
  own.dimension,
  own.member,
  'now' as side,
  {{ names | join(', ') }}
from own
union all
select
  own.period_grain,
  periods.period_start,
  own.dimension,
  own.member,
  'before',
  {{ names | join(', ') }}
from own
inner join {{ ref('int_kpi_period') }} as periods
  on own.period_grain = periods.period_grain and own.period_start = periods.previous_start
union all
select
  period_grain,
  period_start,
  dimension,
  member,
  side,
  {{ names | join(', ') }}
from {{ ref('int_kpi_measure_customer') }}
