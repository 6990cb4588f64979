{# One query for a model: its key, if given, is complete and unique, and each reference names a member that is there. #}
{% test key_and_references(model, key=[], references=[]) %}
  {% if key %}
  select 'key is not unique or not complete' as problem
  from {{ model }}
  group by {{ key | join(', ') }}
  having count(*) > 1 {% for column in key %}or {{ column }} is null {% endfor %}
  {% endif %}
  {% for reference in references %}
  {% if key or not loop.first %}union all{% endif %}
  select '{{ reference.column }} names no member'
  from (select distinct {{ reference.column }} as value from {{ model }}) as used
  left join {{ reference.to }} as target on used.value = target.{{ reference.field }}
  where target.{{ reference.field }} is null
  {% endfor %}
{% endtest %}
