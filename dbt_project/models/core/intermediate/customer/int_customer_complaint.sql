{{ config(materialized='table') }}
-- Complaints with their customer; open until resolved.
select
  complaint.record_key as complaint_key,
  link.customer_key,
  complaint.opened_at,
  complaint.opened_on,
  complaint.channel,
  complaint.complaint_type,
  complaint.department,
  complaint.severity,
  complaint.status,
  complaint.resolved_at,
  complaint.resolved_on is null or complaint.resolved_on > settings.as_of as is_open
from {{ ref('stg_complaint') }} as complaint
cross join {{ ref('stg_regulars__settings') }} as settings
inner join {{ ref('stg_customer_link') }} as link
  on
    complaint.source_system = link.source_system
    and complaint.customer_id = link.customer_id
    and link.valid_to is null
