-- Of several records that hash to one key, the first by name takes it; the others try the next attempt.
update {fresh} as f set source_customer_key = minted.key
from (
  select source_system, customer_id, key
  from (
    select
      source_system, customer_id,
      cast('0x' || substr({hmac}, 1, 13) as bigint) % {space} + 1 as key
    from {fresh} where source_customer_key is null
  )
  where key not in (select source_customer_key from {ledger})
    and key not in (select source_customer_key from {fresh} where source_customer_key is not null)
  qualify row_number() over (partition by key order by source_system, customer_id) = 1
) as minted
where f.source_system = minted.source_system and f.customer_id = minted.customer_id
