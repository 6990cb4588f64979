select
  line.order_key,
  cast(count(distinct product.category_1) as integer) as categories
from {{ ref('fct_order_line') }} as line
inner join {{ ref('dim_product') }} as product on line.product_key = product.product_key
where product.category_1 is not null
group by line.order_key
