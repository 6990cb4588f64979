with buyers as (
  select
    period_grain,
    period_start,
    count(*) as buyers,
    count(case when start_state = 'new' then 1 end) as new_buyers,
    count(case when start_state <> 'new' then 1 end) as returning_buyers,
    count(case when start_state = 'one_time' then 1 end) as second_purchase_buyers,
    count(case when start_state = 'active_repeat' then 1 end) as repeat_buyers,
    count(case when start_state = 'at_risk' then 1 end) as saved_buyers,
    count(case when start_state = 'lapsed' then 1 end) as recovered_buyers
  from {{ ref('int_kpi_buyer') }}
  group by period_grain, period_start
),

states as (
  select
    periods.period_grain,
    periods.period_start,
    sum(case when counts.customer_state = 'one_time' then counts.customers end) as one_time_customers,
    sum(case when counts.customer_state = 'active_repeat' then counts.customers end) as active_repeat_customers,
    sum(case when counts.customer_state = 'at_risk' then counts.customers end) as at_risk_customers,
    sum(case when counts.customer_state = 'lapsed' then counts.customers end) as lapsed_customers
  from {{ ref('int_kpi_period') }} as periods
  inner join {{ ref('int_customer_state_count') }} as counts
    on
      periods.eve >= counts.date_day
      and (counts.next_change_on is null or periods.eve < counts.next_change_on)
  group by periods.period_grain, periods.period_start
)

select
  periods.period_grain,
  periods.period_start,
  'all' as dimension,
  'all' as member
  {%- for measure in kpi_measures() %},
  cast(coalesce({{ measure }}, 0) as double) as {{ measure }}
  {%- endfor %}
from {{ ref('int_kpi_period') }} as periods
left join {{ ref('int_kpi_sales') }} as sales
  on periods.period_grain = sales.period_grain and periods.period_start = sales.period_start
left join buyers
  on periods.period_grain = buyers.period_grain and periods.period_start = buyers.period_start
left join states
  on periods.period_grain = states.period_grain and periods.period_start = states.period_start
