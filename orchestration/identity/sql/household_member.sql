create or replace table {household_member} as
select h.household_key, h.customer_key, coalesce(k.basis, 'address') as basis
from {households} as h
left join (
  select key, max(basis) as basis
  from (select l as key, basis from {kin} union all select r, basis from {kin})
  group by key
) as k on k.key = h.customer_key
