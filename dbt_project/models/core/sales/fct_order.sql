{{ config(
  materialized=fact_materialization(),
  incremental_strategy='append',
  on_schema_change='fail',
  pre_hook=["{{ drop_changed_months('order', is_refund()) }}", '{{ rekey() }}']
) }}
with lines as (
  select
    line.order_key,
    cast(count(*) as integer) as line_count,
    {{ money('sum(line.quantity)') }} as units,
    {{ money('sum(line.gross_amount)') }} as gross_amount,
    {{ money('sum(line.discount_amount)') }} as discount_amount,
    {{ money('sum(line.coupon_amount)') }} as coupon_amount,
    {{ money('sum(line.net_amount)') }} as net_amount,
    {{ money('sum(line.cost_amount)') }} as cost_amount,
    {{ money('sum(line.source_net_amount)') }} as source_net_amount,
    max(line.amount_basis) as amount_basis
  from {{ ref('fct_order_line') }} as line
  inner join {{ ref('int_order_header') }} as header on line.order_key = header.order_key
  group by line.order_key
)

select
  orders.order_key,
  orders.source_system,
  orders.order_id,
  orders.customer_key,
  orders.source_customer_key,
  orders.date_key,
  orders.store_key,
  orders.campaign_key,
  orders.offer_key,
  orders.channel,
  orders.status,
  orders.refunded_order_key,
  orders.currency,
  orders.currency_flag,
  orders.exchange_rate,
  coalesce(lines.amount_basis, 'none') as amount_basis,
  orders.is_identified,
  orders.is_cancelled,
  not orders.is_cancelled
  and coalesce(lines.source_net_amount, 0) >= 0
  and orders.refunded_order_key is null
  and (lines.order_key is not null or waiting.order_key is null) as is_purchase,
  lines.order_key is not null and orders.currency_flag <> 'no_rate' as is_valued,
  waiting.order_key is not null as has_quarantined_line,
  coalesce(lines.line_count, 0) as line_count,
  coalesce(lines.units, {{ money('0') }}) as units,
  coalesce(lines.gross_amount, {{ money('0') }}) as gross_amount,
  coalesce(lines.discount_amount, {{ money('0') }}) as discount_amount,
  coalesce(lines.coupon_amount, {{ money('0') }}) as coupon_amount,
  coalesce(lines.net_amount, {{ money('0') }}) as net_amount,
  lines.cost_amount,
  {{ in_company_currency('orders.shipping_amount') }} as shipping_amount,
  {{ in_company_currency('orders.tax_amount') }} as tax_amount,
  coalesce(lines.source_net_amount, {{ money('0') }}) as source_net_amount,
  orders.header_net_amount,
  coalesce(abs(orders.header_net_amount - coalesce(lines.source_net_amount, 0)) > 0.005, false) as is_header_different,
  orders.ordered_at,
  orders.paid_at,
  orders.shipped_at,
  orders.delivered_at,
  orders.completed_at,
  orders.cancelled_at
from {{ ref('int_order_header') }} as orders
left join lines on orders.order_key = lines.order_key
left join {{ ref('stg_regulars__quarantined_order') }} as waiting on orders.order_key = waiting.order_key
