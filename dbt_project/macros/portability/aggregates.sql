{# Product of a column of doubles over a group. #}
{% macro product_of(value) -%}
  {{ return(adapter.dispatch('product_of', 'regulars')(value)) }}
{%- endmacro %}

{% macro default__product_of(value) -%}
  product({{ value }})
{%- endmacro %}

{% macro spark__product_of(value) -%}
  aggregate(collect_list({{ value }}), cast(1 as double), (total, factor) -> total * factor)
{%- endmacro %}

{# Quantile of a column, with linear interpolation; null values do not count. #}
{% macro quantile(value, share) -%}
  {{ return(adapter.dispatch('quantile', 'regulars')(value, share)) }}
{%- endmacro %}

{% macro default__quantile(value, share) -%}
  quantile_cont(cast({{ value }} as double), {{ share }})
{%- endmacro %}

{% macro spark__quantile(value, share) -%}
  percentile(cast({{ value }} as double), {{ share }})
{%- endmacro %}
