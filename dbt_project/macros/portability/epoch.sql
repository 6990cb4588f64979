{# Seconds since 1970 of a time stamp, as a double. #}
{% macro epoch_seconds(moment) -%}
  {{ return(adapter.dispatch('epoch_seconds', 'regulars')(moment)) }}
{%- endmacro %}

{% macro default__epoch_seconds(moment) -%}
  epoch({{ moment }})
{%- endmacro %}

{% macro spark__epoch_seconds(moment) -%}
  cast(unix_timestamp({{ moment }}) as double)
{%- endmacro %}
