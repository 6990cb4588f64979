-- How many customers are in each state at the end of each day. A purchase day puts its customer through
-- the states until the next one; only the changes are added up, so the work grows with purchases, not
-- with customers times days.
with spells as (
  select
    days.purchased_on as first_day,
    {{ add_days('days.purchased_on', 'settings.at_risk_after_days + 1') }} as at_risk_from,
    {{ add_days('days.purchased_on', 'settings.lost_after_days + 1') }} as lapsed_from,
    days.next_on,
    case when days.purchase_day_no = 1 then 'one_time' else 'active_repeat' end as recent_state
  from {{ ref('int_customer_purchase_day') }} as days
  cross join {{ ref('stg_regulars__settings') }} as settings
),

changes as (
  select
    recent_state as customer_state,
    first_day as date_day,
    1 as customers
  from spells
  union all
  select
    recent_state,
    least(at_risk_from, coalesce(next_on, at_risk_from)),
    -1
  from spells
  union all
  select
    'at_risk',
    at_risk_from,
    1
  from spells
  where next_on is null or next_on > at_risk_from
  union all
  select
    'at_risk',
    least(lapsed_from, coalesce(next_on, lapsed_from)),
    -1
  from spells
  where next_on is null or next_on > at_risk_from
  union all
  select
    'lapsed',
    lapsed_from,
    1
  from spells
  where next_on is null or next_on > lapsed_from
  union all
  select
    'lapsed',
    next_on,
    -1
  from spells
  where next_on > lapsed_from
),

by_day as (
  select
    customer_state,
    date_day,
    sum(customers) as customers
  from changes
  group by customer_state, date_day
)

select
  customer_state,
  date_day,
  cast(sum(customers) over (partition by customer_state order by date_day) as bigint) as customers,
  lead(date_day) over (partition by customer_state order by date_day) as next_change_on
from by_day
