-- One row per period, side, member and node: the node's measure, or ratio of two; null where a ratio is undefined.
with measures as (
  {% for measure in kpi_measures() -%}
  select
    period_grain,
    period_start,
    dimension,
    member,
    side,
    '{{ measure }}' as measure,
    {{ measure }} as amount
  from {{ ref('int_kpi_measure') }}
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
)

select
  upper.period_grain,
  upper.period_start,
  upper.dimension,
  upper.member,
  upper.side,
  node.root_code,
  node.node_code,
  case when node.denominator is null then upper.amount else {{ safe_divide('upper.amount', 'lower.amount') }} end
    as value
from {{ ref('int_kpi_node') }} as node
inner join measures as upper on node.dimension = upper.dimension and node.numerator = upper.measure
left join measures as lower
  on
    node.denominator = lower.measure
    and upper.period_grain = lower.period_grain
    and upper.period_start = lower.period_start
    and upper.dimension = lower.dimension
    and upper.member = lower.member
    and upper.side = lower.side
