-- Type-2 history, a pure function of the versions that arrived; products without a record have one span.
with versions as (
  select
    *,
    lead(version_from) over (
      partition by product_id order by version_from asc, version_at asc, source_system desc
    ) as next_from
  from {{ ref('stg_product_version') }}
)

select
  product.product_key,
  coalesce(versions.version_from, timestamp '1900-01-01 00:00:00') as valid_from,
  versions.next_from as valid_to,
  versions.name,
  versions.brand,
  versions.manufacturer,
  versions.category_1,
  versions.category_2,
  versions.category_3,
  versions.category_4,
  versions.package_size,
  versions.business_type,
  versions.unit_cost as unit_cost_amount,
  versions.list_price as list_price_amount
from {{ ref('dim_product') }} as product
left join versions
  on
    product.product_id = versions.product_id
    and (versions.next_from is null or versions.next_from > versions.version_from)
where product.product_key <> -1
