{{ config(materialized='table') }}
{% set fields = ['gender', 'occupation', 'education', 'income_band', 'marital_status', 'industry', 'employees', 'city', 'ownership', 'turnover', 'credit_grade'] -%}
-- One row per customer whom bought profiles know: their fields side by side.
select
  customer_key
  {%- for field in fields %},
  max(case when field = '{{ field }}' then value end) as {{ field }}
  {%- endfor %}
from {{ ref('int_profile_field') }}
group by customer_key
