-- What an organisation is worth with everything below it, and with the people of its buying centre.
with member as (
  select
    ancestor_key as organisation_key,
    organisation_key as customer_key
  from {{ ref('bridge_organisation') }}
  union
  select
    tree.ancestor_key,
    centre.customer_key
  from {{ ref('bridge_organisation') }} as tree
  inner join {{ ref('bridge_buying_centre') }} as centre on tree.organisation_key = centre.organisation_key
),

contact as (
  select
    customer_key,
    count(*) as contacts
  from {{ ref('fct_contact') }}
  group by customer_key
),

complaint as (
  select
    customer_key,
    sum(case when is_open then 1 else 0 end) as open_complaints
  from {{ ref('int_customer_complaint') }}
  group by customer_key
)

select
  member.organisation_key,
  cast(count(*) as integer) as members,
  cast(coalesce(sum(lifecycle.frequency), 0) as integer) as orders,
  {{ money('coalesce(sum(lifecycle.monetary), 0)') }} as monetary,
  max(lifecycle.last_purchase_on) as last_purchase_on,
  cast(coalesce(sum(contact.contacts), 0) as integer) as contacts,
  cast(coalesce(sum(complaint.open_complaints), 0) as integer) as open_complaints,
  max(settings.as_of) as as_of
from member
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('customer_lifecycle') }} as lifecycle on member.customer_key = lifecycle.customer_key
left join contact on member.customer_key = contact.customer_key
left join complaint on member.customer_key = complaint.customer_key
group by member.organisation_key
