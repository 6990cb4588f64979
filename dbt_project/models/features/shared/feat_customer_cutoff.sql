{% set windows = {'1h': (0, 1), '2h': (1, 2), '4h': (0, 4)} -%}
{% set signals = ['response', 'return', 'contact', 'complaint'] -%}
-- What was known of a customer at a cut-off, and nothing after it. Windows are counted in horizons before the
-- cut-off: 1h the last one, 2h the one before it, 4h the last four. What grows with the age of the data alone
-- (recency, tenure) ends at four horizons, so that cut-offs can be compared. Large companies learn from a sample of
-- customers at past cut-offs; at as_of everybody is looked at. The company's typical gap is that of the cut-off, too.
with typical as (
  select
    cutoffs.cutoff_no,
    {{ quantile(
      safe_divide(days_between('days.first_on', 'days.purchased_on'), '(days.purchase_day_no - 1)'), 0.5
    ) }} as typical_gap_days
  from {{ ref('feat_cutoff') }} as cutoffs
  inner join {{ ref('int_customer_purchase_day') }} as days
    on cutoffs.cut_off >= days.purchased_on and (days.next_on is null or cutoffs.cut_off < days.next_on)
  where days.purchase_day_no >= 3
  group by cutoffs.cutoff_no
),

cut as (
  select
    cutoffs.cutoff_no,
    cutoffs.cut_off,
    cutoffs.horizon_days,
    round(coalesce(typical.typical_gap_days, 30), 6) as typical_gap_days,
    rhythm.sample_per_mille,
    rhythm.first_day
  from {{ ref('feat_cutoff') }} as cutoffs
  cross join {{ ref('feat_rhythm') }} as rhythm
  left join typical on cutoffs.cutoff_no = typical.cutoff_no
),

known_day as (
  select
    cut.cutoff_no,
    cut.cut_off,
    cut.first_day,
    cut.typical_gap_days,
    {{ days_between('days.purchased_on', 'cut.cut_off') }} as days_ago,
    cast({{ days_between('days.purchased_on', 'cut.cut_off') }} as double) / cut.horizon_days as horizons_ago,
    cast({{ days_between('days.purchased_on', 'cut.cut_off') }} as double)
    - (364 - cut.horizon_days) as days_into_year_ago,
    cut.horizon_days,
    days.*
  from {{ ref('int_customer_purchase_day') }} as days
  inner join cut
    on
      days.purchased_on <= cut.cut_off
      and (cut.cutoff_no = 0 or mod(days.customer_key, 1000) < cut.sample_per_mille)
),

purchase as (
  select
    cutoff_no,
    cut_off,
    customer_key,
    min(days_ago) as recency_days,
    max(days_ago) as tenure_days,
    count(*) as purchase_days,
    sum(orders) as orders,
    sum(valued_orders) as valued_orders,
    cast(sum(gap_days) as double) / nullif(count(gap_days), 0) as mean_gap_days,
    stddev_samp(cast(gap_days as double)) as sd_gap_days,
    max(case when horizons_ago < 4 then gap_days end) as longest_gap_days,
    max(typical_gap_days) as typical_gap_days,
    4 * max(horizon_days) as memory_days,
    {% for name, span in windows.items() -%}
    sum(case when horizons_ago >= {{ span[0] }} and horizons_ago < {{ span[1] }} then 1 else 0 end) as purchase_days_{{ name }},
    cast(sum(case when horizons_ago >= {{ span[0] }} and horizons_ago < {{ span[1] }} then net_amount else 0 end) as double)
      as spend_{{ name }},
    {% endfor -%}
    case
      when {{ days_between('max(first_day)', 'max(cut_off)') }} >= 364
        then sum(case when days_into_year_ago >= 0 and days_into_year_ago < horizon_days then 1 else 0 end)
    end as purchase_days_year_ago,
    cast(sum(net_amount) as double) as spend,
    cast(sum(units) as double) as units,
    cast(sum(line_count) as double) as lines,
    {{ safe_divide('sum(discount_amount)', 'sum(gross_amount)') }} as discount_share,
    avg(cast(categories as double)) as categories_per_day
  from known_day
  group by cutoff_no, cut_off, customer_key
),

signal as (
  select
    cut.cutoff_no,
    signals.customer_key
    {%- for name in signals %},
    sum(case when signals.signal = '{{ name }}' then signals.signals else 0 end) as {{ name }}s_4h
    {%- endfor %}
  from {{ ref('int_customer_signal') }} as signals
  inner join cut
    on
      signals.signal_on <= cut.cut_off
      and signals.signal_on > {{ add_days('cut.cut_off', '-4 * cut.horizon_days') }}
  group by cut.cutoff_no, signals.customer_key
),

rhythm as (
  select
    *,
    least(recency_days, memory_days) as recent_days,
    least(tenure_days, memory_days) as known_days,
    (coalesce(mean_gap_days, 0) * (purchase_days - 1) + 2 * typical_gap_days) / (purchase_days + 1)
      as expected_gap_days
  from purchase
)

select
  rhythm.cutoff_no,
  rhythm.customer_key,
  rhythm.recent_days as recency_days,
  rhythm.known_days as tenure_days,
  {{ figure('rhythm.expected_gap_days') }} as expected_gap_days,
  {{ figure('rhythm.longest_gap_days') }} as longest_gap_days,
  {{ figure('rhythm.sd_gap_days / nullif(rhythm.mean_gap_days, 0)') }} as gap_variation,
  {{ figure('rhythm.recent_days / nullif(rhythm.expected_gap_days, 0)') }} as gaps_overdue,
  {{ figure(safe_divide('rhythm.recent_days', 'rhythm.longest_gap_days')) }} as recency_to_longest_gap,
  {{ figure(safe_divide('rhythm.purchase_days_4h', 'rhythm.known_days + 1')) }} as purchase_rate,
  rhythm.purchase_days_1h,
  rhythm.purchase_days_2h,
  rhythm.purchase_days_4h,
  rhythm.purchase_days_year_ago,
  {{ figure('ln((rhythm.purchase_days_1h + 0.5) / (rhythm.purchase_days_2h + 0.5))') }} as frequency_trend,
  {{ figure('rhythm.spend_1h') }} as spend_1h,
  {{ figure('rhythm.spend_4h') }} as spend_4h,
  {{ figure('ln((greatest(rhythm.spend_1h, 0) + 1) / (greatest(rhythm.spend_2h, 0) + 1))') }} as spend_trend,
  {{ figure(safe_divide('rhythm.spend', 'rhythm.valued_orders')) }} as spend_per_order,
  {{ figure(safe_divide('rhythm.units', 'rhythm.orders')) }} as units_per_order,
  {{ figure(safe_divide('rhythm.lines', 'rhythm.orders')) }} as lines_per_order,
  {{ figure('rhythm.categories_per_day') }} as categories_per_day,
  {{ figure('rhythm.discount_share') }} as discount_share
  {%- for name in signals %},
  coalesce(signal.{{ name }}s_4h, 0) as {{ name }}s_4h
  {%- endfor %}
from rhythm
left join signal on rhythm.cutoff_no = signal.cutoff_no and rhythm.customer_key = signal.customer_key
