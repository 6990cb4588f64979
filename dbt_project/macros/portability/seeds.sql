{#
  dbt-spark binds a seed's values as text by Python's formatting: an empty cell becomes the word None, and an
  apostrophe ends the text. Written as literals, both stay what they are.
#}
{% macro spark__load_csv_rows(model, agate_table) -%}
  {% set types = model['config'].get('column_types', {}) -%}
  {% set rows -%}
    {% for row in agate_table.rows -%}
      (
      {%- for name in agate_table.column_names -%}
        {%- set value = row[loop.index0] -%}
        cast({% if value is none %}null{% else %}'{{ (value | string) | replace('\\', '\\\\') | replace("'", "\\'") }}'{% endif %} as {{ types.get(name, 'string') }})
        {%- if not loop.last %}, {% endif -%}
      {%- endfor -%}
      ){% if not loop.last %}, {% endif %}
    {%- endfor %}
  {%- endset %}
  {% set sql = 'insert into ' ~ this.render() ~ ' values ' ~ rows %}
  {% do adapter.add_query(sql, abridge_sql_log=True) %}
  {{ return(sql) }}
{%- endmacro %}
