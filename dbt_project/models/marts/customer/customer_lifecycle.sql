with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

purchases as (
  select
    customer_key,
    min(purchased_on) as first_purchase_on,
    max(purchased_on) as last_purchase_on,
    cast(count(*) as integer) as purchase_days,
    cast(sum(orders) as integer) as frequency
  from {{ ref('int_customer_purchase_day') }}
  group by customer_key
),

-- credit notes lower what a customer has spent
spent as (
  select
    customer_key,
    {{ money('sum(net_amount)') }} as monetary
  from {{ ref('fct_order') }}
  where not is_cancelled
  group by customer_key
),

recency as (
  select
    purchases.*,
    spent.monetary,
    settings.as_of,
    {{ days_between('purchases.last_purchase_on', 'settings.as_of') }} as recency_days,
    {{ days_between('purchases.first_purchase_on', 'settings.as_of') }} as tenure_days
  from purchases
  cross join settings
  inner join spent on purchases.customer_key = spent.customer_key
),

thresholds as (
  select
    recency.customer_key,
    max(case when bounds.measure = 'recency' and recency.recency_days <= bounds.bound then bounds.score end)
      as r_score,
    max(case when bounds.measure = 'frequency' and recency.frequency >= bounds.bound then bounds.score end)
      as f_score,
    max(case when bounds.measure = 'monetary' and recency.monetary >= bounds.bound then bounds.score end)
      as m_score
  from recency
  cross join {{ ref('stg_regulars__rfm_threshold') }} as bounds
  group by recency.customer_key
)

select
  recency.customer_key,
  {{ state_basic('recency.recency_days', 'recency.purchase_days') }} as state_basic,
  recency.recency_days,
  recency.frequency,
  recency.monetary,
  {{ fifth('recency.recency_days desc') }} as r_score,
  {{ fifth('recency.frequency') }} as f_score,
  {{ fifth('recency.monetary') }} as m_score,
  cast(coalesce(thresholds.r_score, 1) as integer) as r_score_fixed,
  cast(coalesce(thresholds.f_score, 1) as integer) as f_score_fixed,
  cast(coalesce(thresholds.m_score, 1) as integer) as m_score_fixed,
  recency.purchase_days,
  recency.tenure_days,
  recency.first_purchase_on,
  recency.last_purchase_on,
  recency.as_of
from recency
cross join settings
inner join thresholds on recency.customer_key = thresholds.customer_key
