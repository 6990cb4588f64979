-- All own keys of such a cluster are other clusters' names, since their founders' customers kept them: it gets a key
-- that no record has. Rare.
insert into {taken}
select
  cluster_system, cluster_id,
  min(cast('0x' || substr({hmac}, 1, 13) as bigint) % {space} + 1)
from {record} as r
anti join {kept} using (cluster_system, cluster_id)
anti join {taken} using (cluster_system, cluster_id)
group by all
