{{ config(
  materialized=fact_materialization(),
  incremental_strategy='append',
  on_schema_change='fail',
  pre_hook="{{ drop_changed_months('promotion') }}"
) }}
select
  product.product_key,
  store.store_key,
  {{ date_key('promotion.week_start') }} as date_key,
  promotion.display_location,
  promotion.mailer_location,
  promotion.discount_share
from {{ ref('stg_promotion') }} as promotion
inner join {{ ref('stg_regulars__changed_month') }} as changed
  on changed.fact = 'promotion' and {{ month_key('promotion.week_start') }} = changed.month_key
inner join {{ ref('dim_product') }} as product on promotion.product_id = product.product_id
inner join {{ ref('dim_store') }} as store on promotion.store_id = store.store_id
