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
