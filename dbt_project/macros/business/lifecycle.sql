{#
  Basic life-cycle state of a customer some days after the last purchase. Recency decides first,
  so the states exclude each other and leave nobody out; new is who bought on one day only, not long ago.
#}
{% macro state_basic(recency_days, purchase_days, settings='settings') -%}
  case
    when {{ recency_days }} > {{ settings }}.lost_after_days then 'lost'
    when {{ recency_days }} > {{ settings }}.at_risk_after_days then 'at_risk'
    when {{ purchase_days }} = 1 and {{ recency_days }} <= {{ settings }}.new_days then 'new'
    else 'active'
  end
{%- endmacro %}

{#
  State of a customer at a period's start in the KPI tree: the same windows, with the recent
  customers split by whether they bought on one day or on several.
#}
{% macro state_at_start(gap_days, purchase_days, settings='settings') -%}
  case
    when {{ purchase_days }} = 0 then 'new'
    when {{ gap_days }} > {{ settings }}.lost_after_days then 'lapsed'
    when {{ gap_days }} > {{ settings }}.at_risk_after_days then 'at_risk'
    when {{ purchase_days }} = 1 then 'one_time'
    else 'active_repeat'
  end
{%- endmacro %}

{# Score 1 to 5 by fifths of a ranking; ties share the score, so no engine decides between them. #}
{% macro fifth(order_by) -%}
  cast(least(5, 1 + floor(
    5 * cast(rank() over (order by {{ order_by }}) - 1 as double)
    / nullif(cast(count(*) over () - 1 as double), 0)
  )) as integer)
{%- endmacro %}

{#
  Warning level: the probability decides how urgent it is; who is as good as lost already, for longer
  than the horizon, is to be won back rather than retained.
#}
{% macro warning_level(churn_probability, recency_days, horizon_days, settings='settings') -%}
  case
    when {{ churn_probability }} >= {{ settings }}.retain_from and {{ recency_days }} > {{ horizon_days }} then 'win_back'
    when {{ churn_probability }} >= {{ settings }}.retain_from then 'retain'
    when {{ churn_probability }} >= {{ settings }}.prevent_from then 'prevent'
    else 'normal'
  end
{%- endmacro %}
