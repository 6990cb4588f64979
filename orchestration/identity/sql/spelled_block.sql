select {name} as rule, value, l.records
from {large_now} as l
join (
  select rec, unnest({values}) as value from {entry} semi join {large_now} using (rec)
) as e on e.rec = l.rec and hash(e.value) = l.key
where l.rule = {number}
