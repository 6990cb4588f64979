{% set dimensions = ['region', 'cohort', 'lifecycle', 'value_tier'] -%}
{% set measures = ['sales', 'purchase_sales', 'credited_sales', 'orders', 'units', 'line_count', 'gross_sales', 'discount'] -%}
-- Measures by what a customer was when the period started, for the period (now) and the one before it (before):
-- nobody changes the group between the two, so the difference is what the group's customers did differently.
with started as (
  select
    customer_key,
    min(first_on) as first_on
  from {{ ref('int_customer_purchase_day') }}
  group by customer_key
),

customer as (
  select
    started.customer_key,
    coalesce(customer.region, '(unknown)') as region,
    cast(year(started.first_on) as string) || '-Q' || cast(quarter(started.first_on) as string) as cohort
  from started
  inner join {{ ref('dim_customer') }} as customer on started.customer_key = customer.customer_key
),

activity as (
  select
    period_grain,
    period_start,
    customer_key,
    start_state,
    cast(null as string) as eve_state
    {%- for measure in measures %},
    cast({{ measure }} as double) as {{ measure }}
    {%- endfor %}
  from {{ ref('int_kpi_customer_sale') }}
  union all
  select
    period_grain,
    period_start,
    customer_key,
    null,
    eve_state
    {%- for measure in measures %},
    0
    {%- endfor %}
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
    sided.*,
    coalesce(customer.region, '(credit notes only)') as region,
    coalesce(customer.cohort, '(credit notes only)') as cohort,
    coalesce(was.lifecycle, '(not yet a customer)') as lifecycle,
    coalesce(was.value_tier, '(not yet a customer)') as value_tier
  from sided
  left join customer on sided.customer_key = customer.customer_key
  left join {{ ref('int_kpi_customer_at') }} as was
    on
      sided.period_grain = was.period_grain
      and sided.seen_from = was.period_start
      and sided.customer_key = was.customer_key
),

summed as (
  {% for dimension in dimensions -%}
  select
    period_grain,
    seen_from as period_start,
    '{{ dimension }}' as dimension,
    {{ dimension }} as member,
    side,
    sum(sales) as sales,
    sum(sales) as identified_sales,
    sum(purchase_sales) as purchase_sales,
    sum(credited_sales) as credited_sales,
    sum(orders) as orders,
    coalesce(nullif(sum(units), 0), sum(line_count)) as units,
    sum(gross_sales) as gross_sales,
    sum(discount) as discount,
    count(start_state) as buyers,
    count(case when start_state = 'new' then 1 end) as new_buyers,
    count(case when start_state <> 'new' then 1 end) as returning_buyers,
    count(case when start_state = 'one_time' then 1 end) as second_purchase_buyers,
    count(case when start_state = 'active_repeat' then 1 end) as repeat_buyers,
    count(case when start_state = 'at_risk' then 1 end) as saved_buyers,
    count(case when start_state = 'lapsed' then 1 end) as recovered_buyers,
    count(case when eve_state = 'one_time' then 1 end) as one_time_customers,
    count(case when eve_state = 'active_repeat' then 1 end) as active_repeat_customers,
    count(case when eve_state = 'at_risk' then 1 end) as at_risk_customers,
    count(case when eve_state = 'lapsed' then 1 end) as lapsed_customers,
    cast(0 as double) as anonymous_sales
  from grouped
  group by period_grain, seen_from, {{ dimension }}, side
  {% if not loop.last %}union all
  {% endif %}
  {%- endfor %}
),

told as (
  select dimension
  from summed
  group by dimension
  having count(distinct member) > 1
)

select
  summed.period_grain,
  summed.period_start,
  summed.dimension,
  summed.member,
  summed.side
  {%- for measure in kpi_measures() %},
  cast(summed.{{ measure }} as double) as {{ measure }}
  {%- endfor %}
from summed
inner join told on summed.dimension = told.dimension
