select c.*, cast(null as bigint) as source_customer_key
from {clusters} as c
anti join {ledger} as l using (source_system, customer_id)
