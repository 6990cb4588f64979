{#
  Facts are continued by whole months where the engine can delete: the changed months are taken out, and the
  model's query, restricted to the same months, adds them again. Elsewhere they are made anew each time.
#}
{% macro fact_materialization() -%}
  {{ return('incremental' if target.type == 'duckdb' else 'table') }}
{%- endmacro %}

{#
  Hook: takes the changed months of a fact out of the table that is about to be continued, and rows that are made anew
  each time (`anew`, a condition).
#}
{% macro drop_changed_months(fact, anew='false') -%}
  {% set changed = ref('stg_regulars__changed_month') -%}
  {% if is_incremental() -%}
    delete from {{ this }}
    where cast(floor(date_key / 100) as integer) in (select month_key from {{ changed }} where fact = '{{ fact }}')
      or {{ anew }}
  {%- endif %}
{%- endmacro %}

{#
  Hook: gives the rows of a continued fact the customer that their source record belongs to now, where identity has
  merged or split customers since. Where facts are made anew each time, they find it themselves.
#}
{% macro rekey() -%}
  {% set links = ref('stg_customer_link') -%}
  {% if is_incremental() -%}
    update {{ this }} as fact set customer_key = link.customer_key
    from (
      select distinct source_customer_key, customer_key from {{ links }} where valid_to is null
    ) as link
    where fact.source_customer_key = link.source_customer_key and fact.customer_key <> link.customer_key
  {%- endif %}
{%- endmacro %}
