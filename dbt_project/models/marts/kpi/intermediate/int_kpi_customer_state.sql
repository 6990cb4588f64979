{{ config(materialized='view') }}
-- A fact of the dictionary (data/kpi/measures.yml): customers by what they were when a period started.
select
  periods.period_grain,
  periods.period_start,
  counts.customer_state as start_state,
  counts.customers
from {{ ref('int_kpi_period') }} as periods
inner join {{ ref('int_customer_state_count') }} as counts
  on
    periods.eve >= counts.date_day
    and (counts.next_change_on is null or periods.eve < counts.next_change_on)
