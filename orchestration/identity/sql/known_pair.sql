select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec
from {form_pair} as p
join {entry} as l on l.form = left_form
join {entry} as r on r.form = right_form
where p.kind = {kind}
