{#
  Facts are continued by whole months where the engine can delete: the changed months are taken out, and the
  model's query, restricted to the same months, adds them again. Elsewhere they are made anew each time.
#}
{% macro fact_materialization() -%}
  {{ return('incremental' if target.type == 'duckdb' else 'table') }}
{%- endmacro %}

{# Hook: takes the changed months of a fact out of the table that is about to be continued. #}
{% macro drop_changed_months(fact) -%}
  {% set changed = ref('stg_regulars__changed_month') -%}
  {% if is_incremental() -%}
    delete from {{ this }}
    where cast(floor(date_key / 100) as integer) in (select month_key from {{ changed }} where fact = '{{ fact }}')
  {%- endif %}
{%- endmacro %}
