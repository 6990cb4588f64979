-- The newest word of each person on each pair, and what all of them say together.
with given as (
  select {columns} from {manual_match} where _superseded_at is null
  {remembered}
),
ordered as (
  select
    least((left_system, left_customer_id), (right_system, right_customer_id)) as a,
    greatest((left_system, left_customer_id), (right_system, right_customer_id)) as b,
    decision, decided_by, decided_at, reason
  from given
),
newest as (
  select * from ordered
  qualify row_number() over (
    partition by a, b, coalesce(decided_by, '') order by decided_at desc, decision = 'same', decision) = 1
)
select
  struct_extract(a, 1) as left_system,
  struct_extract(a, 2) as left_customer_id,
  struct_extract(b, 1) as right_system,
  struct_extract(b, 2) as right_customer_id,
  max(decided_at) as decided_at,
  string_agg(distinct decided_by, ', ' order by decided_by) as decided_by,
  bool_or(decision = 'same') as says_same,
  bool_or(decision = 'different') as says_different
from newest
where decision <> {withdrawn} and a <> b
group by a, b
