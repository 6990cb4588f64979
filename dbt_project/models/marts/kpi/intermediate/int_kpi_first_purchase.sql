select
  customer_key,
  cast(year(min(first_on)) as string) || '-Q' || cast(quarter(min(first_on)) as string) as first_quarter
from {{ ref('int_customer_purchase_day') }}
group by customer_key
