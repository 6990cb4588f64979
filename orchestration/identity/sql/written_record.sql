select source_system, customer_id, place, xor(_record_hash, {seed}) as raw_hash
from {current_record}
