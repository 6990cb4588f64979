-- Levels are assigned again at every build, from the probability and how long ago the last purchase was.
with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

levelled as (
  select
    churn.*,
    coalesce(lifecycle.recency_days, churn.recency_days) as days_since_purchase,
    {{ warning_level(
      'churn.churn_probability', 'coalesce(lifecycle.recency_days, churn.recency_days)', 'churn.horizon_days'
    ) }} as warning_level,
    settings.retain_from,
    settings.as_of as built_as_of
  from {{ source('scores', 'churn') }} as churn
  left join {{ ref('customer_lifecycle') }} as lifecycle on churn.customer_key = lifecycle.customer_key
  cross join settings
)

select
  levelled.customer_key,
  levelled.churn_probability,
  levelled.warning_level,
  letters.letter as churn_class,
  levelled.reason_1,
  levelled.reason_2,
  levelled.reason_3,
  levelled.theme_1,
  levelled.theme_2,
  levelled.theme_3,
  levelled.share_1,
  levelled.share_2,
  levelled.share_3,
  levelled.days_since_purchase as recency_days,
  levelled.horizon_days,
  levelled.value_before as probability_before,
  levelled.warning_level in ('retain', 'win_back') as is_red_alert,
  coalesce(levelled.highest_before >= levelled.retain_from, false) as was_red_before,
  levelled.score_basis,
  levelled.score_basis = 'baseline' as is_baseline,
  not levelled.is_fresh as is_stale,
  levelled.model_version,
  levelled.as_of as scored_as_of,
  levelled.scored_at,
  levelled.built_as_of as as_of
from levelled
inner join {{ ref('dim_customer') }} as customer on levelled.customer_key = customer.customer_key
inner join {{ ref('stg_regulars__matrix_class') }} as letters
  on letters.kind = 'churn' and levelled.warning_level = letters.code
