{# Every row fulfils every condition; null counts as not fulfilled. #}
{% test rows_hold(model, conditions) %}
  {% for condition in conditions %}
  select * from {{ model }} where not coalesce({{ condition }}, false)
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
{% endtest %}
