select
  returned.record_key as return_key,
  coalesce(orders.order_key, -1) as order_key,
  coalesce(orders.customer_key, -1) as customer_key,
  coalesce(product.product_key, -1) as product_key,
  {{ date_key('returned.requested_on') }} as date_key,
  cast(returned.line_no as integer) as line_no,
  returned.kind,
  returned.reason,
  returned.quantity,
  returned.amount as return_amount,
  returned.requested_at
from {{ ref('stg_product_return') }} as returned
left join {{ ref('stg_sales_order') }} as source_order
  on returned.source_system = source_order.source_system and returned.order_id = source_order.order_id
left join {{ ref('fct_order') }} as orders on source_order.record_key = orders.order_key
left join {{ ref('dim_product') }} as product on returned.product_id = product.product_id
