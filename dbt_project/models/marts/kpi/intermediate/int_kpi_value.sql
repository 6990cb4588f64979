{% set keys = ['period_grain', 'period_start', 'dimension', 'member', 'side'] -%}
-- One row per period, side, member and node: the node's formula over measures; null where a ratio is undefined.
with amounts as (
  select
    {% for key in keys -%}
    measured.{{ key }},
    {% endfor -%}
    node.root_code,
    node.node_code,
    node.is_ratio,
    sum(case when term.part = 'upper' then term.factor * measured.amount end) as upper_amount,
    sum(case when term.part = 'lower' then term.factor * measured.amount end) as lower_amount
  from {{ ref('int_kpi_measure') }} as measured
  inner join {{ ref('int_kpi_term') }} as term on measured.measure = term.measure
  inner join {{ ref('int_kpi_node') }} as node
    on term.node_code = node.node_code and measured.dimension = node.dimension
  group by
    {% for key in keys -%}
    measured.{{ key }},
    {% endfor -%}
    node.root_code,
    node.node_code,
    node.is_ratio
)

select
  {{ keys | join(',\n  ') }},
  root_code,
  node_code,
  case when is_ratio then {{ safe_divide('upper_amount', 'lower_amount') }} else upper_amount end as value
from amounts
