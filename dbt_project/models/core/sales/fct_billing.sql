-- What became of an invoice up to as_of: a payment dated later is not known yet.
select
  billing.record_key as billing_key,
  coalesce(link.customer_key, -1) as customer_key,
  coalesce(link.source_customer_key, -1) as source_customer_key,
  {{ date_key('billing.issued_on') }} as date_key,
  billing.invoice_id,
  billing.amount as invoice_amount,
  case
    when billing.paid_on <= settings.as_of then coalesce(billing.paid_amount, billing.amount) else {{ money('0') }}
  end as paid_amount,
  billing.due_on,
  case when billing.paid_on <= settings.as_of then billing.paid_on end as paid_on,
  case
    when billing.due_on is not null and billing.due_on <= settings.as_of
      then greatest(0, {{ days_between('billing.due_on', 'least(coalesce(billing.paid_on, settings.as_of), settings.as_of)') }})
  end as days_late,
  coalesce(billing.due_on <= settings.as_of, false) as is_due,
  coalesce(billing.paid_on <= settings.as_of and billing.paid_on <= billing.due_on, false) as is_paid_on_time
from {{ ref('stg_billing') }} as billing
cross join {{ ref('stg_regulars__settings') }} as settings
left join {{ ref('stg_customer_link') }} as link
  on
    billing.source_system = link.source_system
    and billing.customer_id = link.customer_id
    and link.valid_to is null
