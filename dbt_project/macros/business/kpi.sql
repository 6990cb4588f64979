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

{# First day of the period of a grain that holds a day of dim_date. #}
{% macro period_of(period_grain, calendar) -%}
  case {{ period_grain }}
    when 'week' then {{ calendar }}.week_start
    when 'month' then {{ calendar }}.month_start
    else {{ calendar }}.quarter_start
  end
{%- endmacro %}

{# Measures of the dictionary (data/kpi) of a fact, of those bases only where any are named. #}
{% macro kpi_measures(fact, bases=[]) -%}
  {% set found = [] -%}
  {% for measure in kpi().measures if measure.fact == fact and (not bases or measure.basis in bases) -%}
    {% do found.append(measure) -%}
  {% endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# Dimensions of the dictionary of some kinds: order, line, customer. #}
{% macro kpi_dimensions(kinds) -%}
  {% set found = [] -%}
  {% for dimension in kpi().dimensions if dimension.kind in kinds -%}
    {% do found.append(dimension) -%}
  {% endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# Columns of a fact that measures and dimensions name, the dictionary's own among them. #}
{% macro fact_columns(name) -%}
  {{ return(kpi().facts[name].reads + (kpi().facts[name].columns.keys() | list)) }}
{%- endmacro %}

{# Rows of a fact that count, with the columns that are named. #}
{% macro fact_rows(name) -%}
  {% set fact = kpi().facts[name] -%}
  select
    {{ fact.reads | join(', ') }}
    {%- for column, expression in fact.columns.items() %},
    {{ expression }} as {{ column }}
    {%- endfor %}
  from {{ ref(fact.model) }}
  {%- if fact.where %}
  where {{ fact.where }}
  {%- endif %}
{%- endmacro %}

{#
  What some measures of a fact add up to, one column each: m_<measure>, and o_<measure> where something else counts if that
  is zero (see `kpi_long`).
#}
{% macro kpi_sums(measures) -%}
  {% for measure in measures -%}
  {{ ', ' if not loop.first }}
  {%- if measure.kind == 'distinct' -%}
  count(distinct {{ measure.amount }}) as m_{{ measure.measure }}
  {%- else -%}
  sum({{ measure.amount }}) as m_{{ measure.measure }}
  {%- if measure.otherwise %},
  sum({{ measure.otherwise }}) as o_{{ measure.measure }}
  {%- endif %}
  {%- endif %}
  {% endfor -%}
{%- endmacro %}

{# The columns of `kpi_sums`, each put into a template such as `sum({})`. #}
{% macro kpi_columns(measures, template='{}') -%}
  {% for measure in measures -%}
  {{ ', ' if not loop.first }}{{ template.replace('{}', 'm_' ~ measure.measure) }} as m_{{ measure.measure }}
  {%- if measure.otherwise %}, {{ template.replace('{}', 'o_' ~ measure.measure) }} as o_{{ measure.measure }}{% endif %}
  {%- endfor -%}
{%- endmacro %}

{#
  One row per row of a relation that has a column per measure, and measure that its dimension knows: measure, amount.
  Nothing counted is zero.
#}
{% macro kpi_long(relation, keys, measures) -%}
  select
    {% for key in keys -%}
    {{ relation }}.{{ key }},
    {% endfor -%}
    known.measure,
    case known.measure
      {% for measure in measures -%}
      {% set column = relation ~ '.m_' ~ measure.measure -%}
      when '{{ measure.measure }}' then
        {%- if measure.otherwise %} cast(coalesce(nullif({{ column }}, 0), {{ relation }}.o_{{ measure.measure }}, 0) as double)
        {%- else %} cast(coalesce({{ column }}, 0) as double)
        {%- endif %}
      {% endfor -%}
    end as amount
  from {{ relation }}
  inner join {{ ref('int_kpi_known') }} as known on {{ relation }}.dimension = known.dimension
  where known.measure in ({% for measure in measures %}'{{ measure.measure }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
