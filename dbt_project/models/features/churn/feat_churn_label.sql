with buyers as (
  select distinct
    cut.cutoff_no,
    days.customer_key
  from {{ ref('feat_cutoff') }} as cut
  inner join {{ ref('int_customer_purchase_day') }} as days
    on cut.cut_off < days.purchased_on and cut.label_until >= days.purchased_on
  where cut.is_labelled
)

select
  looked_at.cutoff_no,
  looked_at.customer_key,
  case when buyers.customer_key is null then 1 else 0 end as churned
from {{ ref('feat_customer_cutoff') }} as looked_at
inner join {{ ref('feat_cutoff') }} as cut on looked_at.cutoff_no = cut.cutoff_no and cut.is_labelled
left join buyers on looked_at.cutoff_no = buyers.cutoff_no and looked_at.customer_key = buyers.customer_key
