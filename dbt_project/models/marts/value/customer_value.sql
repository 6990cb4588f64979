-- A margin of the next twelve months is told only where a churn model passed and a year is known.
select
  scored.customer_key,
  scored.value_index,
  scored.index_tier,
  letters.letter as value_class,
  scored.current_score,
  scored.future_score,
  scored.credit_score,
  scored.loyalty_score,
  scored.growth_score,
  scored.missing_parts,
  scored.is_tier_firm,
  case
    when churn.score_basis = 'model' and rhythm.history_days >= 365 then {{ modelled_money('scored.expected_margin') }}
  end as expected_margin_amount,
  {{ modelled_money('scored.margin_if_staying') }} as margin_if_staying_amount,
  scored.score_basis,
  scored.model_version,
  scored.scored_at,
  scored.as_of
from {{ source('scores', 'value') }} as scored
inner join {{ ref('dim_customer') }} as customer on scored.customer_key = customer.customer_key
cross join {{ ref('feat_rhythm') }} as rhythm
left join {{ ref('customer_churn') }} as churn on scored.customer_key = churn.customer_key
inner join {{ ref('stg_regulars__matrix_class') }} as letters
  on letters.kind = 'value' and scored.index_tier = letters.code
