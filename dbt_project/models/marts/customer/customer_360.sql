-- Everything that whoever talks to a customer should see first. Names and addresses are in contacts, by grant.
with contact as (
  select
    customer_key,
    max(contacted_at) as last_contact_at,
    max(case when direction = 'in' then contacted_at end) as last_inbound_at,
    cast(count(*) as integer) as contacts
  from {{ ref('fct_contact') }}
  group by customer_key
),

last_said as (
  select
    customer_key,
    channel as last_said_channel,
    summary as last_said
  from (
    select
      timeline.*,
      row_number() over (partition by timeline.customer_key order by timeline.newest_first) as place
    from {{ ref('customer_timeline') }} as timeline
    where timeline.kind in ('campaign', 'contact out', 'contact in')
  ) as said
  where place = 1
),

complaint as (
  select
    customer_key,
    cast(sum(case when is_open then 1 else 0 end) as integer) as open_complaints,
    cast(count(*) as integer) as complaints
  from {{ ref('int_customer_complaint') }}
  group by customer_key
),

flag as (
  select
    customer_key,
    {{ text_list('flag') }} as flags
  from {{ ref('customer_flag') }}
  group by customer_key
),

strategy as (
  select distinct
    cell,
    strategy
  from {{ ref('value_churn_strategy') }}
)

select
  customer.customer_key,
  customer.customer_type,
  customer.gender,
  customer.birth_year,
  customer.city,
  customer.region,
  customer.country,
  customer.occupation,
  customer.industry,
  customer.preferred_language,
  customer.status,
  customer.household_key,
  customer.ultimate_parent_key,
  customer.source_records,
  completeness.completeness_score,
  completeness.validity_score,
  flag.flags,
  lifecycle.state_basic,
  lifecycle.recency_days,
  lifecycle.frequency,
  lifecycle.monetary,
  lifecycle.first_purchase_on,
  lifecycle.last_purchase_on,
  customer_value.value_index,
  customer_value.index_tier,
  churn.churn_probability,
  churn.warning_level,
  churn.reason_1 as churn_reason,
  strategy.strategy as cell_strategy,
  preferred.channel as preferred_channel,
  preferred.share as preferred_channel_share,
  offer.offer_key as open_offer_key,
  offer.offered_at as open_offer_since,
  coalesce(complaint.open_complaints, 0) as open_complaints,
  coalesce(complaint.complaints, 0) as complaints,
  coalesce(contact.contacts, 0) as contacts,
  contact.last_contact_at,
  contact.last_inbound_at,
  last_said.last_said_channel,
  last_said.last_said,
  customer.as_of
from {{ ref('dim_customer') }} as customer
inner join {{ ref('customer_completeness') }} as completeness on customer.customer_key = completeness.customer_key
left join {{ ref('customer_lifecycle') }} as lifecycle on customer.customer_key = lifecycle.customer_key
left join {{ ref('customer_value') }} as customer_value on customer.customer_key = customer_value.customer_key
left join {{ ref('customer_churn') }} as churn on customer.customer_key = churn.customer_key
left join strategy
  on churn.churn_class || coalesce(customer_value.value_class, 'S') = strategy.cell
left join {{ ref('int_customer_channel') }} as preferred on customer.customer_key = preferred.customer_key
left join {{ ref('int_customer_offer') }} as offer on customer.customer_key = offer.customer_key
left join complaint on customer.customer_key = complaint.customer_key
left join contact on customer.customer_key = contact.customer_key
left join last_said on customer.customer_key = last_said.customer_key
left join flag on customer.customer_key = flag.customer_key
