select order_key
from {{ source('audit', 'quarantined_order') }}
where quarantined_at <= (select known_at from {{ source('audit', 'refresh_settings') }})
