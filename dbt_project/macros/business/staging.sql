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
  Every version of each record of an entity, with the span in which it held: a version starts at its own date,
  or at its load where the source gives none, and ends at the next one's. Nobody saw what was before the first,
  so the first starts long ago. Versions that the source dates (`dated`) after `as_of` are cut.
#}
{% macro versions_of(entity, columns, dated=none, on=none) -%}
with known as (
  select
    *,
    row_number() over (partition by _record_key order by _version_at, _loaded_at, _record_hash) as version_no
  from {{ source('input', entity) }}
  where _loaded_at <= (select known_at from {{ source('audit', 'refresh_settings') }})
    {%- if on %}
    and ({{ on }} is null or {{ on }} <= (select as_of from {{ source('audit', 'refresh_settings') }}))
    {%- endif %}
),

spans as (
  select
    *,
    case when version_no = 1 then timestamp '1900-01-01 00:00:00' else _version_at end as version_from,
    lead(_version_at) over (partition by _record_key order by version_no) as version_to
  from known
  {%- if dated %}
  where version_no = 1
    or {{ dated }} is null
    or {{ dated }} < (select as_of_end from {{ source('audit', 'refresh_settings') }})
  {%- endif %}
)

select
  source_system,
  _record_key as record_key,
  version_no,
  version_from,
  version_to,
  {% for column in columns -%}
  {{ column }},
  {% endfor -%}
  _version_at as version_at
from spans
where version_to is null or version_to > version_from
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
