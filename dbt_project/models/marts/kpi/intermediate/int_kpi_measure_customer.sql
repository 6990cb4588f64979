{% set most_members = 100 -%}
{% set sliced = kpi_dimensions(['customer']) -%}
{% set bases = ['order', 'customer_state'] -%}
{% set sums = kpi_measures('order', bases) -%}
{% set counts = kpi_measures('buyer', bases) -%}
{% set stocks = kpi_measures('customer_state', bases) -%}
-- Measures by what a customer was when the period started, for the period (now) and the one before it (before):
-- nobody changes the group between the two, so the difference is what the group's customers did differently. What was
-- sold to people nobody knows is a member of its own, so that members add up to the whole.
with activity as (
  select
    period_grain,
    period_start,
    customer_key,
    start_state,
    sold_amount,
    {{ kpi_columns(sums) }},
    start_state is not null as is_buyer,
    cast(null as integer) as customers
  from {{ ref('int_kpi_customer_sale') }}
  union all
  select
    period_grain,
    period_start,
    customer_key,
    eve_state as start_state,
    cast(null as decimal(38, 4)) as sold_amount,
    {{ kpi_columns(sums, 'null') }},
    false as is_buyer,
    1 as customers
  from {{ ref('int_kpi_customer_at') }}
),

sided as (
  select
    'now' as side,
    activity.period_start as seen_from,
    activity.*
  from activity
  union all
  select
    'before',
    periods.period_start,
    activity.*
  from activity
  inner join {{ ref('int_kpi_period') }} as periods
    on activity.period_grain = periods.period_grain and activity.period_start = periods.previous_start
),

grouped as (
  select
    sided.*
    {%- for dimension in sliced %},
    case
      when sided.customer_key = -1 then '(anonymous)'
      {%- if not dimension.is_dated %}
      when started.customer_key is null then '(credit notes only)'
      {%- endif %}
      else coalesce(cast({{ dimension.dimension }}_of.member as string), '{{ dimension.missing }}')
    end as {{ dimension.dimension }}_member
    {%- endfor %}
  from sided
  left join {{ ref('int_kpi_first_purchase') }} as started on sided.customer_key = started.customer_key
  {%- for dimension in sliced %}
  left join (
    select
      customer_key,
      {% if dimension.is_dated -%}
      period_grain,
      period_start,
      {% endif -%}
      {{ dimension.member }} as member
    from {{ ref(dimension.model) }}
  ) as {{ dimension.dimension }}_of
    on
      sided.customer_key = {{ dimension.dimension }}_of.customer_key
      {%- if dimension.is_dated %}
      and sided.period_grain = {{ dimension.dimension }}_of.period_grain
      and sided.seen_from = {{ dimension.dimension }}_of.period_start
      {%- endif %}
  {%- endfor %}
),

summed as (
  {% for dimension in sliced -%}
  select
    period_grain,
    seen_from as period_start,
    '{{ dimension.dimension }}' as dimension,
    {{ dimension.dimension }}_member as member,
    side,
    sum(case when side = 'now' then sold_amount end) as sold_amount,
    {{ kpi_columns(sums, 'sum({})') }}
    {%- for measure in counts %},
    count(case when is_buyer then {{ measure.amount }} end) as m_{{ measure.measure }}
    {%- endfor %}
    {%- for measure in stocks %},
    sum({{ measure.amount }}) as m_{{ measure.measure }}
    {%- endfor %}
  from grouped
  group by period_grain, seen_from, {{ dimension.dimension }}_member, side
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
),

member_sales as (
  select
    dimension,
    member,
    sum(sold_amount) as sold_amount
  from summed
  where member <> '(anonymous)'
  group by dimension, member
),

shown as (
  select
    dimension,
    member,
    case
      when row_number() over (partition by dimension order by abs(coalesce(sold_amount, 0)) desc, member asc)
        <= {{ most_members }} then member
      else '(other)'
    end as shown_member,
    count(*) over (partition by dimension) as members
  from member_sales
),

-- A dimension of one member tells nothing.
told as (
  select distinct dimension
  from shown
  where members > 1
),

amounts as (
  select
    summed.period_grain,
    summed.period_start,
    summed.dimension,
    coalesce(shown.shown_member, summed.member) as member,
    summed.side,
    {{ kpi_columns(sums, 'sum(summed.{})') }}
    {%- for measure in counts + stocks %},
    sum(summed.m_{{ measure.measure }}) as m_{{ measure.measure }}
    {%- endfor %}
  from summed
  inner join told on summed.dimension = told.dimension
  left join shown on summed.dimension = shown.dimension and summed.member = shown.member
  group by
    summed.period_grain,
    summed.period_start,
    summed.dimension,
    coalesce(shown.shown_member, summed.member),
    summed.side
)

{{ kpi_long('amounts', ['period_grain', 'period_start', 'dimension', 'member', 'side'], sums + counts + stocks) }}
