with delivered as (
  {{ preferred(ref('stg_store'), 'store_id') }}
),

ids as (
  select store_id from delivered
  union
  select store_id from {{ ref('stg_sales_order') }}
  where store_id is not null
  union
  select distinct store_id from {{ ref('stg_promotion') }}
)

select
  {{ surrogate_key(['ids.store_id']) }} as store_key,
  ids.store_id,
  case when delivered.store_id is null then 'inferred' else 'known' end as member_type,
  delivered.name,
  delivered.kind,
  delivered.city,
  delivered.region,
  delivered.country,
  delivered.opened_on
from ids
left join delivered on ids.store_id = delivered.store_id and delivered.preference = 1
union all
select
  -1,
  null,
  'unknown',
  'Unknown store',
  null,
  null,
  null,
  null,
  null
