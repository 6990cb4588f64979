{% set most_members = 100 -%}
{% set sliced = kpi_dimensions(['order', 'line']) -%}
{% set sums = kpi_measures('order', ['order']) -%}
{% set counts = kpi_measures('buyer', ['order']) -%}
{% set columns = fact_columns('order') -%}
{% set lines = kpi().facts['order'].lines -%}
-- Measures of members of orders (a store, a category), by month and quarter. Members beyond the hundred with the greatest
-- sales count together: slices of slices say nothing, and cost as much. Amounts add up by day first, and buyers are made
-- distinct by a grouping, which spills where a count of distinct values does not.
with order_row as (
  {{ fact_rows('order') }}
),

{% for dimension in sliced -%}
by_{{ dimension.dimension }} as (
  select
    {% if dimension.model -%}
    coalesce(cast(named.member as string), '{{ dimension.missing }}') as member,
    {% else -%}
    coalesce(cast({{ dimension.member }} as string), '{{ dimension.missing }}') as member,
    {% endif -%}
    {% if dimension.kind == 'line' -%}
    order_row.order_key,
    line.net_amount as sold_amount
    {%- for column, expression in lines.sums.items() if column in columns %},
    line.{{ column }}_part
    {%- endfor %}
  from (
    select
      {{ lines.key }},
      {{ dimension.key }},
      net_amount
      {%- for column, expression in lines.sums.items() if column in columns %},
      {{ expression }} as {{ column }}_part
      {%- endfor %}
    from {{ ref(lines.model) }}
  ) as line
  inner join order_row on line.{{ lines.key }} = order_row.{{ lines.key }}
  {%- else -%}
    order_row.net_amount as sold_amount,
    order_row.*
  from order_row
  {%- endif %}
  {%- if dimension.model %}
  left join (
    select
      {{ dimension.key }},
      {{ dimension.member }} as member
    from {{ ref(dimension.model) }}
    where {{ dimension.key }} <> -1
  ) as named on {{ 'line' if dimension.kind == 'line' else 'order_row' }}.{{ dimension.key }} = named.{{ dimension.key }}
  {%- endif %}
),

{% endfor -%}
member_sales as (
  {% for dimension in sliced -%}
  select
    '{{ dimension.dimension }}' as dimension,
    member,
    sum(sold_amount) as sold_amount
  from by_{{ dimension.dimension }}
  group by member
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
),

shown as (
  select
    dimension,
    member,
    case
      when row_number() over (partition by dimension order by abs(sold_amount) desc, member asc) <= {{ most_members }}
        then member
      else '(other)'
    end as shown_member,
    count(*) over (partition by dimension) as members
  from member_sales
),

{% for dimension in sliced if dimension.kind == 'line' -%}
-- An order once per member: its lines of one, or of all that count together.
split_by_{{ dimension.dimension }} as (
  select
    shown.shown_member as member,
    parts.order_key
    {%- for column in lines.sums if column in columns %},
    sum(parts.{{ column }}_part) as {{ column }}
    {%- endfor %}
  from by_{{ dimension.dimension }} as parts
  inner join shown
    on parts.member = shown.member and shown.dimension = '{{ dimension.dimension }}' and shown.members > 1
  group by shown.shown_member, parts.order_key
),

{% endfor -%}
sold as (
  {% for dimension in sliced -%}
  select
    '{{ dimension.dimension }}' as dimension,
    {% if dimension.kind == 'line' -%}
    parts.member
    {%- for column in columns %},
    {{ 'parts' if column in lines.sums else 'order_row' }}.{{ column }}
    {%- endfor %}
  from split_by_{{ dimension.dimension }} as parts
  inner join order_row on parts.order_key = order_row.order_key
  {%- else -%}
    shown.shown_member as member
    {%- for column in columns %},
    whole.{{ column }}
    {%- endfor %}
  from by_{{ dimension.dimension }} as whole
  inner join shown
    on whole.member = shown.member and shown.dimension = '{{ dimension.dimension }}' and shown.members > 1
  {%- endif %}
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
),

daily as (
  select
    dimension,
    member,
    date_key,
    {{ kpi_sums(sums) }}
  from sold
  group by dimension, member, date_key
),

day_period as (
  select * from {{ ref('int_kpi_day') }}
  where period_grain <> 'week'
),

order_amount as (
  select
    day_period.period_grain,
    day_period.period_start,
    daily.dimension,
    daily.member,
    {{ kpi_columns(sums, 'sum(daily.{})') }}
  from daily
  inner join day_period on daily.date_key = day_period.date_key
  group by day_period.period_grain, day_period.period_start, daily.dimension, daily.member
),

member_buyer as (
  select distinct
    day_period.period_grain,
    day_period.period_start,
    sold.dimension,
    sold.member,
    sold.customer_key
  from sold
  inner join day_period on sold.date_key = day_period.date_key
  where sold.customer_key <> -1 and sold.is_purchase and sold.is_valued
),

buyer_row as (
  select
    member_buyer.*,
    buyer.start_state
  from member_buyer
  left join {{ ref('int_kpi_buyer') }} as buyer
    on
      member_buyer.period_grain = buyer.period_grain
      and member_buyer.period_start = buyer.period_start
      and member_buyer.customer_key = buyer.customer_key
),

buyer_count as (
  select
    period_grain,
    period_start,
    dimension,
    member
    {%- for measure in counts %},
    count({{ measure.amount }}) as m_{{ measure.measure }}
    {%- endfor %}
  from buyer_row
  group by period_grain, period_start, dimension, member
),

amounts as (
  select
    order_amount.*
    {%- for measure in counts %},
    buyer_count.m_{{ measure.measure }}
    {%- endfor %}
  from order_amount
  left join buyer_count
    on
      order_amount.period_grain = buyer_count.period_grain
      and order_amount.period_start = buyer_count.period_start
      and order_amount.dimension = buyer_count.dimension
      and order_amount.member = buyer_count.member
)

{{ kpi_long('amounts', ['period_grain', 'period_start', 'dimension', 'member'], sums + counts) }}
