-- What to mind before anybody talks to a customer. A new flag is one more branch.
with settings as (
  select * from {{ ref('stg_regulars__settings') }}
),

reach as (
  select
    completeness.customer_key,
    completeness.has_email or completeness.has_phone or completeness.has_address as is_reachable,
    reached.is_contact_known
  from {{ ref('customer_completeness') }} as completeness
  inner join {{ ref('int_customer_reach') }} as reached on completeness.customer_key = reached.customer_key
),

changed as (
  select
    customer_key,
    max(version_at) as changed_at
  from {{ ref('int_customer_record') }}
  where updated_at is not null
  group by customer_key
),

inquiry as (
  select
    contact.customer_key,
    min(contact.contacted_at) as first_at,
    count(*) as inquiries
  from {{ ref('fct_contact') }} as contact
  where contact.direction = 'in' and contact.contact_type = 'inquiry' and contact.customer_key <> -1
  group by contact.customer_key
),

overdue as (
  select
    billing.customer_key,
    min(billing.due_on) as first_due,
    count(*) as invoices
  from {{ ref('fct_billing') }} as billing
  cross join settings
  where
    billing.paid_on is null
    and billing.due_on < {{ add_days('settings.as_of', -90) }}
    and billing.customer_key <> -1
  group by billing.customer_key
),

-- why a customer is a credit risk; the sources' own scores and grades are sensitive and stay where they are
risk as (
  select
    customer_key,
    first_due as since,
    invoices || case when invoices = 1 then ' invoice' else ' invoices' end || ' more than 90 days overdue' as evidence,
    1 as weight
  from overdue
  union all
  select
    customer.customer_key,
    cast(null as date),
    'credit grade ' || customer.credit_grade,
    2
  from {{ ref('dim_customer') }} as customer
  inner join settings on settings.risky_grades like '%|' || upper(trim(customer.credit_grade)) || '|%'
  union all
  select
    customer_key,
    cast(null as date),
    case when has_risky_grade = 1 then 'credit grade' else 'credit score' end,
    3
  from {{ ref('int_customer_credit') }}
  where has_risky_grade = 1 or has_risky_score = 1
),

risky as (
  select
    customer_key,
    since,
    evidence,
    row_number() over (partition by customer_key order by weight) as place
  from risk
),

flagged as (
  select
customer_key,
'unreachable' as flag,
cast(null as date) as since,
'no usable e-mail, telephone or address' as evidence
  from reach
  where not is_reachable and is_contact_known = 1
  union all
  select
customer_key,
'opted_out',
since,
case when channels = 1 then 'denied in the only channel' else 'denied in each of ' || channels || ' channels' end
  from {{ ref('int_customer_opt_out') }}
  union all
  select
customer_key,
status,
cast(null as date),
'status in the source'
  from {{ ref('dim_customer') }}
  where status in ('ceased', 'blacklisted')
  union all
  select
customer_key,
'unlisted',
cast(null as date),
'not on the named-customer list'
  from {{ ref('dim_customer') }}
  where not is_listed
  union all
  select
customer_key,
'high_credit_risk',
since,
evidence
  from risky
  where place = 1
  union all
  select
inquiry.customer_key,
'asks_never_buys',
cast(inquiry.first_at as date),
inquiry.inquiries || ' inquiries, no order'
  from inquiry
  left join {{ ref('customer_lifecycle') }} as bought on inquiry.customer_key = bought.customer_key
  where inquiry.inquiries >= 3 and bought.customer_key is null
  union all
  select
changed.customer_key,
'stale_contact',
cast(changed.changed_at as date),
'no record changed for two years'
  from changed
  cross join settings
  inner join {{ ref('int_customer_reach') }} as reached on changed.customer_key = reached.customer_key
  where reached.is_contact_known = 1 and cast(changed.changed_at as date) < {{ add_days('settings.as_of', -730) }}
)

select
  flagged.customer_key,
  flagged.flag,
  flagged.since,
  flagged.evidence,
  settings.as_of
from flagged
cross join settings
where flagged.customer_key <> -1
