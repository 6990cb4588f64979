{{ config(materialized='view') }}
-- Orders of the months that a build makes again (all of them in a build that continues no other).
select
  orders.record_key as order_key,
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
  orders.customer_id is not null as is_identified,
  coalesce(orders.cancelled_on <= settings.as_of, orders.status = 'cancelled', false) as is_cancelled,
  orders.net_amount as header_net_amount,
  orders.shipping_amount,
  orders.tax_amount,
  orders.ordered_on,
  orders.ordered_at,
  orders.paid_at,
  orders.shipped_at,
  orders.delivered_at,
  orders.completed_at,
  orders.cancelled_at
from {{ ref('stg_sales_order') }} as orders
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('stg_customer_link') }} as link
  on
    orders.source_system = link.source_system
    and orders.customer_id = link.customer_id
    and link.valid_to is null
left join {{ ref('dim_store') }} as store on orders.store_id = store.store_id
left join {{ ref('dim_campaign') }} as campaign on orders.campaign_id = campaign.campaign_id
left join {{ ref('dim_offer') }} as offer on orders.offer_id = offer.offer_id
inner join {{ ref('stg_regulars__changed_month') }} as changed
  on changed.fact = 'order' and {{ month_key('orders.ordered_on') }} = changed.month_key
