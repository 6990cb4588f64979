select * from {pairs}
semi join (
  select l.rec as left_rec, r.rec as right_rec
  from {block} as l
  join {block} as r on l.rule = r.rule and l.key = r.key and l.rec < r.rec
  where l.rule in ({rules})
) using (left_rec, right_rec)
