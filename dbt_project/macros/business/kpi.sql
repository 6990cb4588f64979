{#
  Four-point Gauss-Legendre rule on [0, 1]: exact for polynomials up to degree seven.
  A Shapley value over the leaves of a tree of sums and products is the integral of the tree's gradient
  along the straight line from old to new (Owen 1972, Multilinear extensions of games), a polynomial
  whose degree is the number of factors above a leaf, less one.
#}
{% macro quadrature() -%}
  select 1 as point, cast(0.06943184420297371 as double) as t, cast(0.17392742256872692 as double) as weight
  union all select 2, cast(0.33000947820757187 as double), cast(0.32607257743127307 as double)
  union all select 3, cast(0.66999052179242813 as double), cast(0.32607257743127307 as double)
  union all select 4, cast(0.93056815579702629 as double), cast(0.17392742256872692 as double)
{%- endmacro %}

{# Measures that a KPI node may name as numerator or denominator: columns of int_kpi_measure. #}
{% macro kpi_measures() -%}
  {{ return([
    'sales', 'anonymous_sales', 'identified_sales', 'purchase_sales', 'credited_sales', 'orders', 'units', 'gross_sales', 'discount',
    'buyers', 'new_buyers', 'returning_buyers', 'second_purchase_buyers', 'repeat_buyers',
    'saved_buyers', 'recovered_buyers', 'one_time_customers', 'active_repeat_customers',
    'at_risk_customers', 'lapsed_customers',
  ]) }}
{%- endmacro %}

{# First day of the period of a grain that holds a day of dim_date. #}
{% macro period_of(period_grain, calendar) -%}
  case {{ period_grain }}
    when 'week' then {{ calendar }}.week_start
    when 'month' then {{ calendar }}.month_start
    else {{ calendar }}.quarter_start
  end
{%- endmacro %}
