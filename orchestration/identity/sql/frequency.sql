select {column}, count(*) / sum(count(*)) over () as {share}
from {entry}
where {column} is not null
group by {column}
