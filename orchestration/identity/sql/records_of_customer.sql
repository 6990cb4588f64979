select source_system, customer_id, customer_key, source_customer_key, rule, weight, valid_from
from {customer_link}
where {condition} and valid_to is null and rule <> {shared_id}
order by all
