{# A ratio as double; null where the denominator is zero or missing. #}
{% macro safe_divide(numerator, denominator) -%}
  cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Money from a sum or difference, back in the project's type. #}
{% macro money(expression) -%}
  cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{# A measured figure as double, to six places: parallel sums differ in the last bits, and features decide. #}
{% macro figure(expression) -%}
  round(cast({{ expression }} as double), 6)
{%- endmacro %}
