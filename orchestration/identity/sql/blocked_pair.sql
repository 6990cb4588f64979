select distinct l.rec as left_rec, r.rec as right_rec
from {block} as l
join {block} as r on l.rule = r.rule and l.key = r.key and l.rec < r.rec
