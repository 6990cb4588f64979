with delivered as (
  {{ preferred(ref('stg_product'), 'product_id') }}
),

ids as (
  select product_id from delivered
  union
  select product_id from {{ ref('int_product_reference') }}
)

select
  {{ surrogate_key(['ids.product_id']) }} as product_key,
  ids.product_id,
  case when delivered.product_id is null then 'inferred' else 'known' end as member_type,
  delivered.name,
  delivered.brand,
  delivered.manufacturer,
  delivered.category_1,
  delivered.category_2,
  delivered.category_3,
  delivered.category_4,
  delivered.package_size,
  delivered.business_type,
  delivered.unit_cost as unit_cost_amount,
  delivered.list_price as list_price_amount,
  delivered.launched_on,
  delivered.discontinued_on
from ids
left join delivered on ids.product_id = delivered.product_id and delivered.preference = 1
union all
select
  -1,
  null,
  'unknown',
  'Unknown product',
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null,
  null
