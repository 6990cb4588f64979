{# Rows that are known before any SQL runs as a relation; `types`: column -> type. #}
{% macro inline_rows(rows, types) -%}
  {% set escapes = literal_escapes() -%}
  select
    {% for name, type in types.items() -%}
    cast({{ name }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {% endfor -%}
  from (
    values
    {% for row in rows -%}
    ({% for name in types -%}
      {%- if row[name] is none %}null
      {%- elif row[name] is string %}{% set text = namespace(value=row[name]) -%}
        {%- for escape in escapes %}{% set text.value = text.value.replace(escape[0], escape[1]) %}{% endfor -%}
        '{{ text.value }}'
      {%- else %}{{ row[name] }}
      {%- endif %}
      {%- if not loop.last %}, {% endif -%}
    {%- endfor %}){{ ',' if not loop.last }}
    {% endfor -%}
  ) as declared ({{ types.keys() | join(', ') }})
{%- endmacro %}

{# What is put for what within a text literal, in order. #}
{% macro literal_escapes() -%}
  {{ return(adapter.dispatch('literal_escapes', 'regulars')()) }}
{%- endmacro %}

{% macro default__literal_escapes() -%}
  {{ return([["'", "''"]]) }}
{%- endmacro %}

{% macro spark__literal_escapes() -%}
  {{ return([['\\', '\\\\'], ["'", "\\'"]]) }}
{%- endmacro %}
