-- What each leaf of the tree cost the root against the period before, in whole periods, the dearest first, with the
-- marketing link to work on. A leaf that brought something has a negative cost.
with leaf as (
  select *
  from {{ ref('kpi_tree') }}
  where
    dimension = 'all'
    and is_complete
    and operator is null
    and contribution_to_root is not null
)

select
  leaf.period_grain,
  leaf.period_start,
  leaf.root_code,
  leaf.node_code,
  leaf.name,
  cast(row_number() over (
    partition by leaf.period_grain, leaf.period_start, leaf.root_code
    order by round(leaf.contribution_to_root, 6) asc, leaf.sort_order asc
  ) as integer) as rank,
  0 - leaf.contribution_to_root as cost_to_root,
  leaf.value,
  leaf.previous_value,
  leaf.year_ago_value,
  declared.advice_link_no as link_no,
  leaf.owner_role,
  declared.advice,
  leaf.as_of
from leaf
left join {{ ref('int_kpi_declared') }} as declared on leaf.node_code = declared.node_code
