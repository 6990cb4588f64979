{# 60-bit integer key of a business key, the same on every engine. For dimensions only: facts look keys up. #}
{% macro surrogate_key(columns) -%}
  {{ return(adapter.dispatch('surrogate_key', 'regulars')(columns)) }}
{%- endmacro %}

{% macro default__surrogate_key(columns) -%}
  cast('0x' || substr(md5({{ columns | join(" || '|' || ") }}), 1, 15) as bigint)
{%- endmacro %}

{% macro spark__surrogate_key(columns) -%}
  cast(conv(substr(md5({{ columns | join(" || '|' || ") }}), 1, 15), 16, 10) as bigint)
{%- endmacro %}
