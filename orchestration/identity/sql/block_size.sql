select rule, key, count(*) as records, min(rec) as rec
from {every_block}
group by rule, key
having count(*) > 1
