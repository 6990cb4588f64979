-- People of an organisation and what they decide; of several relations of one pair the newest counts.
with related as (
  select
    person.customer_key,
    organisation.customer_key as organisation_key,
    relation.department,
    relation.job_title,
    relation.decision_role,
    relation.valid_from,
    relation.valid_to,
    row_number() over (
      partition by person.customer_key, organisation.customer_key
      order by relation.valid_from desc, relation.version_at desc, relation.record_key asc
    ) as preference
  from {{ ref('stg_customer_relation') }} as relation
  inner join {{ ref('stg_customer_link') }} as person
    on
      relation.source_system = person.source_system
      and relation.customer_id = person.customer_id
      and person.valid_to is null
  inner join {{ ref('stg_customer_link') }} as organisation
    on
      relation.source_system = organisation.source_system
      and relation.related_customer_id = organisation.customer_id
      and organisation.valid_to is null
  where relation.relation = 'contact_of'
)

select
  organisation_key,
  customer_key,
  department,
  job_title,
  decision_role,
  valid_from,
  valid_to
from related
where preference = 1
