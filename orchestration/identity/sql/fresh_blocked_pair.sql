select distinct left_rec, right_rec
from (
  select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec
  from (from {block} semi join {fresh} using (rec)) as l
  join {block} as r on l.rule = r.rule and l.key = r.key and l.rec <> r.rec
  union all
  select l.rec, r.rec
  from {block} as l
  join {block} as r on l.rule = r.rule and l.key = r.key and l.rec < r.rec
  join {opened_block} as o on o.rule = l.rule and o.key = l.key
)
