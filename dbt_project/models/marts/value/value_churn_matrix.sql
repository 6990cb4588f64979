-- All nine cells, also empty ones.
with cells as (
  select distinct
    churn_letter.letter as churn_class,
    value_letter.letter as value_class
  from {{ ref('matrix_letter') }} as churn_letter
  cross join {{ ref('matrix_letter') }} as value_letter
  where churn_letter.axis = 'churn' and value_letter.axis = 'value'
),

customers as (
  select
    churn.churn_class,
    coalesce(scored.value_class, 'S') as value_class,
    count(*) as customers,
    count(case when churn.is_red_alert then 1 end) as red_alerts,
    avg(churn.churn_probability) as mean_churn_probability,
    sum(scored.margin_if_staying_amount) as margin_if_staying_amount,
    sum(churn.churn_probability * scored.margin_if_staying_amount) as value_at_risk
  from {{ ref('customer_churn') }} as churn
  left join {{ ref('customer_value') }} as scored on churn.customer_key = scored.customer_key
  group by churn.churn_class, coalesce(scored.value_class, 'S')
),

strategy as (
  select distinct
    cell,
    strategy_code,
    strategy
  from {{ ref('value_churn_strategy') }}
)

select
  cells.value_class,
  cells.churn_class,
  cells.churn_class || cells.value_class as cell,
  coalesce(customers.customers, 0) as customers,
  coalesce(customers.red_alerts, 0) as red_alerts,
  customers.mean_churn_probability,
  {{ money('coalesce(customers.margin_if_staying_amount, 0)') }} as margin_if_staying_amount,
  {{ money('coalesce(customers.value_at_risk, 0)') }} as value_at_risk,
  strategy.strategy_code,
  strategy.strategy,
  settings.as_of
from cells
cross join {{ ref('stg_regulars__settings') }} as settings
left join customers on cells.churn_class = customers.churn_class and cells.value_class = customers.value_class
left join strategy on cells.churn_class || cells.value_class = strategy.cell
