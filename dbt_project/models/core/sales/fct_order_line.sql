{{ config(
  materialized=fact_materialization(),
  incremental_strategy='append',
  on_schema_change='fail',
  pre_hook=["{{ drop_changed_months('order', is_refund()) }}", '{{ rekey() }}']
) }}
with line as (
  select
    orders.order_key,
    line.line_no,
    orders.customer_key,
    orders.source_customer_key,
    line.product_id,
    orders.date_key,
    orders.store_key,
    orders.is_cancelled,
    line.quantity,
    {{ in_company_currency('line.unit_price') }} as unit_price_amount,
    {{ in_company_currency('line.gross_amount') }} as gross_amount,
    {{ in_company_currency('line.discount_amount') }} as discount_amount,
    {{ in_company_currency('line.coupon_amount') }} as coupon_amount,
    {{ in_company_currency('line.net_amount') }} as net_amount,
    {{ in_company_currency('line.cost_amount') }} as cost_amount,
    line.net_amount as source_net_amount,
    line.amount_basis
  from {{ ref('int_order_line') }} as line
  inner join {{ ref('int_order_header') }} as orders on line.order_key = orders.order_key
)

select
  line.order_key,
  line.line_no,
  line.customer_key,
  line.source_customer_key,
  coalesce(product.product_key, -1) as product_key,
  line.date_key,
  line.store_key,
  line.is_cancelled,
  line.quantity,
  line.unit_price_amount,
  coalesce(line.gross_amount, {{ money('line.net_amount + coalesce(line.discount_amount, 0)') }}) as gross_amount,
  {{ money(
    'coalesce(line.gross_amount - line.net_amount, line.discount_amount, 0)'
  ) }} as discount_amount,
  coalesce(line.coupon_amount, {{ money('0') }}) as coupon_amount,
  line.net_amount,
  line.cost_amount,
  line.source_net_amount,
  line.amount_basis
from line
left join {{ ref('dim_product') }} as product on line.product_id = product.product_id
