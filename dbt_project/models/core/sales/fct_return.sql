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
  case
    when orders.order_key is null then abs(returned.amount) else {{ in_company_currency('abs(returned.amount)') }}
  end as return_amount,
  {{ money('coalesce(-refund.net_amount, 0)') }} as refund_amount,
  returned.requested_at
from {{ ref('stg_product_return') }} as returned
left join {{ ref('fct_order') }} as orders on returned.parent_key = orders.order_key
left join {{ ref('fct_order') }} as refund on {{ refund_key('returned.record_key', 'return') }} = refund.order_key
left join {{ ref('dim_product') }} as product on returned.product_id = product.product_id
