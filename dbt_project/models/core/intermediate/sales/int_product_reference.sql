select distinct product_id
from {{ ref('stg_order_line') }}
where product_id is not null
union
select distinct product_id
from {{ ref('stg_offer_product') }}
union
select distinct product_id
from {{ ref('stg_promotion') }}
