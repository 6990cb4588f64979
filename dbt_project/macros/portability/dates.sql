{# Every day from `first` to `last`, both included, as one column `date_day`. #}
{% macro day_series(first, last) -%}
  {{ return(adapter.dispatch('day_series', 'regulars')(first, last)) }}
{%- endmacro %}

{% macro default__day_series(first, last) -%}
  select cast(unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day)) as date) as date_day
{%- endmacro %}

{% macro spark__day_series(first, last) -%}
  select explode(sequence(cast({{ first }} as date), cast({{ last }} as date), interval 1 day)) as date_day
{%- endmacro %}

{# ISO weekday of a date: Monday is 1, Sunday 7. #}
{% macro iso_weekday(day) -%}
  {{ return(adapter.dispatch('iso_weekday', 'regulars')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
  cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
  cast(weekday({{ day }}) + 1 as integer)
{%- endmacro %}

{# Days from `earlier` to `later`, both dates. #}
{% macro days_between(earlier, later) -%}
  {{ return(adapter.dispatch('days_between', 'regulars')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
  cast(date_diff('day', {{ earlier }}, {{ later }}) as integer)
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
  cast(datediff({{ later }}, {{ earlier }}) as integer)
{%- endmacro %}

{# A date some days (negative: earlier) away; `days` may be a column. #}
{% macro add_days(day, days) -%}
  {{ return(adapter.dispatch('add_days', 'regulars')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
  cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
  date_add({{ day }}, cast({{ days }} as integer))
{%- endmacro %}

{# A date some months (negative: earlier) away. #}
{% macro add_months(day, months) -%}
  {{ return(adapter.dispatch('add_months', 'regulars')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
  cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(day, months) -%}
  add_months({{ day }}, cast({{ months }} as integer))
{%- endmacro %}

{# First day of the month, quarter or year that holds a date. #}
{% macro period_start(unit, day) -%}
  cast(date_trunc('{{ unit }}', {{ day }}) as date)
{%- endmacro %}

{# Integer yyyymmdd of a date; -1, the unknown member, where there is none. #}
{% macro date_key(day) -%}
  coalesce(cast(year({{ day }}) * 10000 + month({{ day }}) * 100 + day({{ day }}) as integer), -1)
{%- endmacro %}

{# Integer yyyymm of a date. #}
{% macro month_key(day) -%}
  cast(year({{ day }}) * 100 + month({{ day }}) as integer)
{%- endmacro %}
