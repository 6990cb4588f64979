-- The company's own rhythm, and the churn horizon that follows from it (decision 0012): the gap that nine in ten
-- repeat customers stay below on average, in whole weeks, and at most an eighth of the history, so that
-- several windows fit into it. A horizon set by the company wins. The model in use keeps its own: another horizon is
-- tried only where the rhythm has moved by more than a quarter (decision 0035).
with customer as (
  select
    customer_key,
    min(purchased_on) as first_on,
    cast(sum(gap_days) as double) / nullif(count(gap_days), 0) as mean_gap_days,
    count(gap_days) as gaps
  from {{ ref('int_customer_purchase_day') }}
  group by customer_key
),

rhythm as (
  select
    min(first_on) as first_day,
    count(*) as customers,
    count(case when gaps >= 2 then 1 end) as repeat_customers,
    {{ quantile('case when gaps >= 2 then mean_gap_days end', 0.5) }} as typical_gap_days,
    {{ quantile('case when gaps >= 2 then mean_gap_days end', 0.9) }} as slow_gap_days
  from customer
),

measured as (
  select
    rhythm.*,
    settings.as_of,
    settings.churn_horizon_days,
    settings.kept_horizon_days,
    settings.is_horizon_open,
    {{ days_between('rhythm.first_day', 'settings.as_of') }} + 1 as history_days
  from rhythm
  cross join {{ ref('stg_regulars__settings') }} as settings
),

from_rhythm as (
  select
    *,
    greatest(7, least(
      7 * ceil(round(coalesce(slow_gap_days, 84), 6) / 7),
      7 * floor(cast(history_days as double) / 56)
    )) as rhythm_horizon_days
  from measured
)

select
  first_day,
  as_of,
  history_days,
  customers,
  repeat_customers,
  round(coalesce(typical_gap_days, 30), 6) as typical_gap_days,
  round(slow_gap_days, 6) as slow_gap_days,
  churn_horizon_days is not null as is_horizon_set,
  cast(case
    when churn_horizon_days is not null then churn_horizon_days
    when kept_horizon_days is null then rhythm_horizon_days
    when is_horizon_open and abs(rhythm_horizon_days - kept_horizon_days) > 0.25 * kept_horizon_days
      then rhythm_horizon_days
    else kept_horizon_days
  end as integer) as horizon_days,
  cast(greatest(1, least(1000, floor(100000000 / cast(customers as double)))) as integer) as sample_per_mille
from from_rhythm
where customers > 0
