{# Schemas are named as declared, without the target's prefix. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}

{# Spark has no catalog level: the database is left out there. #}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
  {{ return(adapter.dispatch('generate_database_name', 'regulars')(custom_database_name, node)) }}
{%- endmacro %}

{% macro default__generate_database_name(custom_database_name, node) -%}
  {{ return(custom_database_name or target.database) }}
{%- endmacro %}

{% macro spark__generate_database_name(custom_database_name, node) -%}
  {{ return(none) }}
{%- endmacro %}
