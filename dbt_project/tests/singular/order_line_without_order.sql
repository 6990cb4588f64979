{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_order_line'}}}) }}
-- Lines whose order never arrived wait in the input table; a warning says how many.
select line.record_key
from {{ ref('stg_order_line') }} as line
left join {{ source('input', 'sales_order') }} as orders on line.parent_key = orders._record_key
where orders._record_key is null
