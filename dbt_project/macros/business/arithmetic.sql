{# A ratio as double; null where the denominator is zero or missing. #}
{% macro safe_divide(numerator, denominator) -%}
  cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Money from a sum or difference, back in the project's type. #}
{% macro money(expression) -%}
  cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{# A modelled amount, a double, as money. One engine rounds its binary value, another its decimal text, and they part at
   halves: halves go away from zero in both. #}
{% macro modelled_money(expression) -%}
  cast({{ expression }} + case when {{ expression }} < 0 then -1e-9 else 1e-9 end as decimal(18, 4))
{%- endmacro %}

{# A measured figure as double, to six places: parallel sums differ in the last bits, and features decide. #}
{% macro figure(expression) -%}
  round(cast({{ expression }} as double), 6)
{%- endmacro %}
