select
  c.*,
  coalesce(f.source_customer_key, l.source_customer_key) as source_customer_key,
  l.customer_key as old_key,
  l.rule as old_rule
from {clusters} as c
left join {ledger} as l using (source_system, customer_id)
left join {fresh} as f using (source_system, customer_id)
