{#
  Both clocks, applied once: rows of an input entity as known at `known_at`, with business time up to `as_of`.
  `on` is the business date that `as_of` cuts; rows without a date stay.
#}
{% macro as_known(entity, columns, on=none) -%}
select
  source_system,
  _record_key as record_key,
  _parent_key as parent_key,
  {% for column in columns -%}
  {{ column }},
  {% endfor -%}
  _version_at as version_at
from {{ source('input', entity) }}
where _loaded_at <= (select known_at from {{ source('audit', 'refresh_settings') }})
  and (
    _superseded_at is null
    or _superseded_at > (select known_at from {{ source('audit', 'refresh_settings') }})
  )
  {%- if on %}
  and ({{ on }} is null or {{ on }} <= (select as_of from {{ source('audit', 'refresh_settings') }}))
  {%- endif %}
{%- endmacro %}

{#
  Records of a staging model ranked per id: the one that changed last stands for the member (preference = 1),
  whichever system delivered it.
#}
{% macro preferred(relation, id) -%}
select
  *,
  row_number() over (partition by {{ id }} order by version_at desc, source_system asc) as preference
from {{ relation }}
{%- endmacro %}
