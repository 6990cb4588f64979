{{ config(materialized='table') }}
-- Of each customer's records the one that each field group is taken from: by up to three rules in order, then the
-- record that changed last. A record that says nothing of a group is no candidate.
with said as (
  {% for group, fields in field_groups().items() -%}
  select
    customer_key,
    source_customer_key,
    source_system,
    customer_id,
    record_key,
    is_verified,
    priority,
    version_at,
    registered_at,
    '{{ group }}' as field_group,
    concat_ws('|'{% for field in fields %}, cast({{ field }} as string){% endfor %}) as said
  from {{ ref('int_customer_record') }}
  where coalesce({% for field in fields %}cast({{ field }} as string){{ ', ' if not loop.last }}{% endfor %}{{ ', null' if fields | length == 1 }}) is not null
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
),

counted as (
  select
    said.*,
    rules.rule_1,
    rules.rule_2,
    rules.rule_3,
    count(*) over (partition by said.customer_key, said.field_group, said.said) as same_value,
    count(*) over (partition by said.customer_key, said.field_group) as candidates
  from said
  inner join {{ ref('stg_regulars__survivorship_rule') }} as rules on said.field_group = rules.field_group
),

ranked as (
  select
    *,
    row_number() over (
      partition by customer_key, field_group
      order by
        {{ rule_score('rule_1') }} desc,
        {{ rule_score('rule_2') }} desc,
        {{ rule_score('rule_3') }} desc,
        version_at desc, source_system asc, customer_id asc
    ) as preference
  from counted
)

select
  customer_key,
  field_group,
  record_key,
  source_system,
  source_customer_key,
  case when candidates = 1 then 'only one' else concat_ws(', ', rule_1, rule_2, rule_3) end as rule
from ranked
where preference = 1
