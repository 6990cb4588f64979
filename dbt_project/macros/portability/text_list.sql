{# Distinct texts of a group as one text, in order of the alphabet, with a comma between. #}
{% macro text_list(value) -%}
  {{ return(adapter.dispatch('text_list', 'regulars')(value)) }}
{%- endmacro %}

{% macro default__text_list(value) -%}
  string_agg(distinct {{ value }}, ', ' order by {{ value }})
{%- endmacro %}

{% macro spark__text_list(value) -%}
  array_join(sort_array(collect_set({{ value }})), ', ')
{%- endmacro %}
