{% set treatments = [
  'points', 'gifts', 'discount', 'direct_mail', 'vouchers', 'extended_service', 'extended_insurance',
  'birthday_care', 'trade_in', 'service_packages',
] -%}
-- The company's own table where it has one, else the seed.
with chosen as (
  select * from {{ ref('stg_regulars__cell_strategy') }}
  union all
  select * from {{ ref('cell_strategy') }}
  where not exists (select 1 from {{ ref('stg_regulars__cell_strategy') }})
)

{% for treatment in treatments -%}
select
  cell,
  strategy_code,
  strategy,
  '{{ treatment }}' as treatment,
  {{ treatment }} as stars
from chosen
{% if not loop.last %}union all
{% endif %}
{%- endfor %}
