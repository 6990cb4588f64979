{% set year = "days_ago < 365" -%}
-- What the five parts of the value index are made of, per customer at as_of. Null: not known.
with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

company as (
  select
    count(distinct case when store_key <> -1 then store_key end) as stores,
    sum(case when cost_amount is not null then 1 else 0 end) as orders_with_cost,
    max(campaigns.campaign_events) as campaign_events
  from {{ ref('fct_order') }}
  cross join (select count(*) as campaign_events from {{ ref('fct_campaign_event') }}) as campaigns
  where not is_cancelled
),

orders as (
  select
    orders.customer_key,
    orders.store_key,
    orders.is_purchase,
    orders.net_amount - coalesce(orders.cost_amount, 0) as margin_amount,
    orders.net_amount,
    {{ days_between('calendar.date_day', 'settings.as_of') }} as days_ago
  from {{ ref('fct_order') }} as orders
  inner join {{ ref('dim_date') }} as calendar on orders.date_key = calendar.date_key
  cross join settings
  where not orders.is_cancelled and orders.customer_key <> -1
),

bought as (
  select
    customer_key,
    cast(sum(case when {{ year }} then margin_amount else 0 end) as double) as margin_12m,
    cast(sum(margin_amount) as double) as margin_ever,
    cast(sum(case when {{ year }} then net_amount else 0 end) as double) as spend_12m,
    cast(sum(case when days_ago < 182 then net_amount else 0 end) as double) as spend_half_year,
    cast(sum(case when days_ago >= 182 and days_ago < 364 then net_amount else 0 end) as double) as spend_half_year_before,
    max(days_ago) as tenure_days,
    count(case when is_purchase then 1 end) as purchases
  from orders
  group by customer_key
),

main_store as (
  select
    customer_key,
    cast(max(visits) as double) / sum(visits) as main_store_share
  from (
    select
      customer_key,
      store_key,
      count(*) as visits
    from orders
    where is_purchase and {{ year }} and store_key <> -1
    group by customer_key, store_key
  ) as visits_by_store
  group by customer_key
),

rhythm as (
  select
    customer_key,
    count(*) as purchase_days,
    case
      when count(gap_days) >= 3
        then stddev_samp(cast(gap_days as double)) / nullif(avg(cast(gap_days as double)), 0)
    end as gap_variation
  from {{ ref('int_customer_purchase_day') }}
  group by customer_key
),

category as (
  select
    line.customer_key,
    count(distinct product.category_1) as categories
  from {{ ref('fct_order_line') }} as line
  inner join {{ ref('dim_product') }} as product on line.product_key = product.product_key
  inner join {{ ref('dim_date') }} as calendar on line.date_key = calendar.date_key
  cross join settings
  where
    product.category_1 is not null
    and not line.is_cancelled
    and {{ days_between('calendar.date_day', 'settings.as_of') }} < 365
  group by line.customer_key
),

served as (
  select
    contact.customer_key,
    cast(sum(contact.contact_cost) as double) as service_cost_12m
  from {{ ref('fct_contact') }} as contact
  inner join {{ ref('dim_date') }} as calendar on contact.date_key = calendar.date_key
  cross join settings
  where {{ days_between('calendar.date_day', 'settings.as_of') }} < 365
  group by contact.customer_key
),

billed as (
  select
    customer_key,
    cast(sum(case when is_paid_on_time then 1 else 0 end) as double) / count(*) as on_time_share,
    avg(cast(days_late as double)) as days_late,
    cast(sum(case when days_late > 90 then invoice_amount - paid_amount else 0 end) as double)
    / nullif(cast(sum(invoice_amount) as double), 0) as bad_debt_share
  from {{ ref('fct_billing') }}
  where is_due
  group by customer_key
),

pointed as (
  select
    customer_key,
    cast(sum(points) as double) as points_balance
  from {{ ref('fct_loyalty_points') }}
  group by customer_key
),

took_part as (
  select
    signals.customer_key,
    cast(sum(signals.signals) as double) as responses_12m
  from {{ ref('int_customer_signal') }} as signals
  cross join settings
  where signals.signal = 'response' and {{ days_between('signals.signal_on', 'settings.as_of') }} < 365
  group by signals.customer_key
)

select
  bought.customer_key,
  {{ figure('bought.margin_12m - coalesce(served.service_cost_12m, 0)') }}
    as net_margin_12m,
  company.orders_with_cost > 0 as is_margin_known,
  {{ figure('bought.margin_ever') }} as margin_ever,
  {{ figure('bought.spend_12m') }} as spend_12m,
  {{ figure('bought.spend_half_year') }} as spend_half_year,
  {{ figure('bought.spend_half_year_before') }} as spend_half_year_before,
  coalesce(rhythm.purchase_days, 0) as purchase_days,
  bought.tenure_days,
  {{ figure('rhythm.gap_variation') }} as gap_variation,
  case when company.stores > 1 then {{ figure('main_store.main_store_share') }} end as main_store_share,
  {{ figure('pointed.points_balance') }} as points_balance,
  case
    when company.campaign_events > 0 then {{ figure('coalesce(took_part.responses_12m, 0)') }}
  end as responses_12m,
  {{ figure('billed.on_time_share') }} as on_time_share,
  {{ figure('billed.days_late') }} as days_late,
  {{ figure('billed.bad_debt_share') }} as bad_debt_share,
  {{ figure('credit.credit_score') }} as credit_score,
  category.categories
from bought
inner join rhythm on bought.customer_key = rhythm.customer_key
cross join company
left join main_store on bought.customer_key = main_store.customer_key
left join category on bought.customer_key = category.customer_key
left join served on bought.customer_key = served.customer_key
left join billed on bought.customer_key = billed.customer_key
left join pointed on bought.customer_key = pointed.customer_key
left join took_part on bought.customer_key = took_part.customer_key
left join {{ ref('int_customer_credit') }} as credit on bought.customer_key = credit.customer_key
