{{ config(
  materialized=fact_materialization(),
  incremental_strategy='append',
  on_schema_change='fail',
  pre_hook=["{{ drop_changed_months('order') }}", '{{ rekey() }}']
) }}
select
  orders.order_key,
  line.line_no,
  orders.customer_key,
  orders.source_customer_key,
  coalesce(product.product_key, -1) as product_key,
  orders.date_key,
  orders.store_key,
  orders.is_cancelled,
  line.quantity,
  line.unit_price as unit_price_amount,
  coalesce(line.gross_amount, {{ money('line.net_amount + coalesce(line.discount_amount, 0)') }}) as gross_amount,
  {{ money(
    'coalesce(line.gross_amount - line.net_amount, line.discount_amount, 0)'
  ) }} as discount_amount,
  coalesce(line.coupon_amount, {{ money('0') }}) as coupon_amount,
  line.net_amount,
  line.cost_amount
from {{ ref('stg_order_line') }} as line
inner join {{ ref('int_order_header') }} as orders on line.parent_key = orders.order_key
left join {{ ref('dim_product') }} as product on line.product_id = product.product_id
