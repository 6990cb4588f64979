with promising as (
  select *, {total} as base from ({levels}) where {total} >= {least_base}
)
select left_rec, right_rec from promising as p {joins} where base {rarity} >= {least}
