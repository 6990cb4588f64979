{% set half_steps = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] -%}
-- Days at which customers are looked at: as_of, and earlier ones half a horizon apart, as far as four horizons of
-- history lie before them. `season` compares the window after a cut-off with the one before it, among the
-- customers known by then: of the cut-off itself once its window is over, and of the same days a year earlier.
with rhythm as (
  select * from {{ ref('feat_rhythm') }}
),

cut as (
  select
    steps.cutoff_no,
    {{ add_days('rhythm.as_of', '-cast(floor(steps.cutoff_no * rhythm.horizon_days / 2.0) as integer)') }} as cut_off,
    rhythm.horizon_days,
    rhythm.first_day,
    rhythm.as_of
  from rhythm
  cross join (
    {% for step in half_steps -%}
    select {{ step }} as cutoff_no{% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
  ) as steps
),

middles as (
  select
    cutoff_no,
    'now' as side,
    cut_off as middle,
    horizon_days
  from cut
  union all
  select
    cutoff_no,
    'year_ago',
    {{ add_days('cut_off', -364) }},
    horizon_days
  from cut
),

counted as (
  select
    middles.cutoff_no,
    middles.side,
    cast(sum(case when days.purchased_on > middles.middle then 1 else 0 end) as double) as days_after,
    cast(sum(case when days.purchased_on <= middles.middle then 1 else 0 end) as double) as days_before
  from middles
  inner join {{ ref('int_customer_purchase_day') }} as days
    on
      middles.middle >= days.first_on
      and days.purchased_on > {{ add_days('middles.middle', '-middles.horizon_days') }}
      and days.purchased_on <= {{ add_days('middles.middle', 'middles.horizon_days') }}
  group by middles.cutoff_no, middles.side
),

dated as (
  select
    cut.*,
    {{ add_days('cut.cut_off', 'cut.horizon_days') }} as label_until,
    {{ days_between('cut.first_day', 'cut.cut_off') }} as days_of_history
  from cut
)

select
  dated.cutoff_no,
  dated.cut_off,
  dated.label_until,
  dated.horizon_days,
  dated.label_until <= dated.as_of as is_labelled,
  case
    when dated.label_until <= dated.as_of then {{ safe_divide('own.days_after', 'own.days_before') }}
  end as season,
  case
    when dated.days_of_history >= 364 + dated.horizon_days then {{ safe_divide('ago.days_after', 'ago.days_before') }}
  end as season_year_ago
from dated
left join counted as own on dated.cutoff_no = own.cutoff_no and own.side = 'now'
left join counted as ago on dated.cutoff_no = ago.cutoff_no and ago.side = 'year_ago'
where dated.cutoff_no = 0 or dated.days_of_history >= 4 * dated.horizon_days
