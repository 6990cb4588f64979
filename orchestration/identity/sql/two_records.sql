select * exclude (raw_hash), md5_number_lower(source_system || chr(31) || customer_id) as form
from {standard_customer}
where (source_system, customer_id) in (({left_system}, {left_id}), ({right_system}, {right_id}))
