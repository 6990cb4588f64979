with offered as (
  select distinct
    offer_id,
    product_id
  from {{ ref('stg_offer_product') }}
)

select
  offer.offer_key,
  product.product_key
from offered
inner join {{ ref('dim_offer') }} as offer on offered.offer_id = offer.offer_id
inner join {{ ref('dim_product') }} as product on offered.product_id = product.product_id
