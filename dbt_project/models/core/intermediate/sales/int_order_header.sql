{{ config(materialized='view') }}
-- Orders of the months that a build makes again (all of them in a build that continues no other), and all refunds, which
-- are orders below zero of the day on which they were given, at the rate of the day of the order.
with document as (
  select
    orders.record_key as order_key,
    cast(null as bigint) as refunded_order_key,
    orders.source_system,
    orders.order_id,
    orders.customer_id,
    orders.store_id,
    orders.campaign_id,
    orders.offer_id,
    orders.channel,
    orders.status,
    orders.currency,
    orders.ordered_on as rated_on,
    orders.net_amount as header_net_amount,
    orders.gross_amount as header_gross_amount,
    orders.discount_amount as header_discount_amount,
    orders.shipping_amount,
    orders.tax_amount,
    orders.ordered_on,
    orders.ordered_at,
    orders.paid_at,
    orders.shipped_at,
    orders.delivered_at,
    orders.completed_at,
    orders.cancelled_at,
    orders.cancelled_on
  from {{ ref('stg_sales_order') }} as orders
  inner join {{ ref('stg_regulars__changed_month') }} as changed
    on changed.fact = 'order' and {{ month_key('orders.ordered_on') }} = changed.month_key
  union all
  select
    refund.refund_key,
    refund.order_key,
    orders.source_system,
    refund.refund_id,
    orders.customer_id,
    orders.store_id,
    orders.campaign_id,
    orders.offer_id,
    orders.channel,
    null,
    orders.currency,
    orders.ordered_on,
    null,
    null,
    null,
    null,
    null,
    refund.refunded_on,
    refund.refunded_at,
    null,
    null,
    null,
    null,
    null,
    null
  from {{ ref('int_refund') }} as refund
  inner join {{ ref('int_refunded_order') }} as orders on refund.order_key = orders.order_key
),

-- A rate that makes an amount of an order absurd is none: the wrong way round, or of another day's money.
largest as (
  select
    line.parent_key as order_key,
    max(greatest(abs(line.net_amount), abs(coalesce(line.gross_amount, 0)))) as amount
  from {{ ref('stg_order_line') }} as line
  inner join (
    select distinct coalesce(document.refunded_order_key, document.order_key) as order_key
    from document
    inner join {{ ref('stg_regulars__settings') }} as settings on document.currency <> settings.currency
  ) as orders on line.parent_key = orders.order_key
  group by line.parent_key
),

rated as (
  select
    orders.*,
    case
      when rate.exchange_rate * greatest(
        coalesce(largest.amount, 0), abs(coalesce(orders.header_net_amount, 0)),
        abs(coalesce(orders.header_gross_amount, 0))
      ) < 1e12 then rate.exchange_rate
    end as exchange_rate
  from document as orders
  left join {{ ref('int_exchange_rate') }} as rate
    on orders.currency = rate.currency and orders.rated_on = rate.ordered_on
  left join largest on coalesce(orders.refunded_order_key, orders.order_key) = largest.order_key
)

select
  orders.order_key,
  orders.refunded_order_key,
  orders.source_system,
  orders.order_id,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  {{ date_key('orders.ordered_on') }} as date_key,
  coalesce(store.store_key, -1) as store_key,
  coalesce(campaign.campaign_key, -1) as campaign_key,
  coalesce(offer.offer_key, -1) as offer_key,
  orders.channel,
  orders.status,
  coalesce(orders.currency, settings.currency) as currency,
  case
    when coalesce(orders.currency, settings.currency) = settings.currency then 'company'
    when orders.exchange_rate is null then 'no_rate'
    else 'converted'
  end as currency_flag,
  case
    when coalesce(orders.currency, settings.currency) = settings.currency then cast(1 as double)
    else orders.exchange_rate
  end as exchange_rate,
  orders.customer_id is not null as is_identified,
  {{ is_cancelled() }} as is_cancelled,
  orders.header_net_amount,
  orders.header_gross_amount,
  orders.header_discount_amount,
  orders.shipping_amount,
  orders.tax_amount,
  orders.ordered_on,
  orders.ordered_at,
  orders.paid_at,
  orders.shipped_at,
  orders.delivered_at,
  orders.completed_at,
  orders.cancelled_at
from rated as orders
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('stg_customer_link') }} as link
  on
    orders.source_system = link.source_system
    and orders.customer_id = link.customer_id
    and link.valid_to is null
left join {{ ref('dim_store') }} as store on orders.store_id = store.store_id
left join {{ ref('dim_campaign') }} as campaign on orders.campaign_id = campaign.campaign_id
left join {{ ref('dim_offer') }} as offer on orders.offer_id = offer.offer_id
