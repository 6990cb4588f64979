{{ config(materialized='table') }}
-- One row per customer with a record: each field group from the record that survivorship chose for it. Clear contact data
-- stay with the records; contacts join the same choice.
select
  record.customer_key,
  max(record.customer_type) as customer_type
  {%- for group, fields in golden_fields().items() %}
  {%- for field in fields %},
  max(case when survivor.field_group = '{{ group }}' then {{ 'cast(record.' ~ field ~ ' as integer)' if field in ('home_owner', 'is_listed') else 'record.' ~ field }} end)
    as {{ field }}
  {%- endfor %}
  {%- endfor %}
from {{ ref('int_customer_record') }} as record
left join {{ ref('int_customer_survivor') }} as survivor on record.record_key = survivor.record_key
group by record.customer_key
