with shuffled as (
  select
    rec,
    row_number() over (order by md5(source_system || chr(31) || customer_id), rec) - 1 as place
  from {entry}
)
select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec
from (
  select rec, unnest(range(place + 1, place + {steps} + 1)) % {records} as place
  from shuffled where place < {most}
) as l
join shuffled as r using (place)
where l.rec <> r.rec
