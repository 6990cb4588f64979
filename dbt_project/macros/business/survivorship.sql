{# Fields of the golden record by group: the fields of a group come from one record together. #}
{% macro field_groups() -%}
  {{ return({
    'person': ['gender', 'birth_date'],
    'address': ['city', 'region', 'country'],
    'occupation': ['occupation', 'education', 'income_band'],
    'household': ['marital_status', 'household_size', 'home_owner'],
    'organisation': ['industry', 'employees'],
    'status': ['status'],
    'listing': ['is_listed'],
    'language': ['preferred_language'],
    'origin': ['acquisition_channel', 'acquisition_campaign_id', 'registered_on'],
    'attributes': ['attributes'],
  }) }}
{%- endmacro %}

{# How well a record does by a rule; the highest wins. #}
{% macro rule_score(rule) -%}
case {{ rule }}
    when 'verified' then cast(is_verified as double)
    when 'source_priority' then cast(-priority as double)
    when 'most_recent' then {{ epoch_seconds('version_at') }}
    when 'earliest' then -{{ epoch_seconds('coalesce(registered_at, version_at)') }}
    when 'most_frequent' then cast(same_value as double)
    when 'longest' then cast(length(said) as double)
  end
{%- endmacro %}
