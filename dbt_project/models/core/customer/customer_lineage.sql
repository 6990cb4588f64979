-- Where each field group of the golden record comes from; bought profiles fill fields that no record fills.
select
  customer_key,
  field_group,
  source_system,
  source_customer_key,
  rule,
  cast(null as string) as provider
from {{ ref('int_customer_survivor') }}
union all
select
  profile.customer_key,
  profile.field,
  'external_profile',
  cast(null as bigint),
  'fills what no record says',
  profile.provider
from {{ ref('int_profile_field') }} as profile
left join {{ ref('int_customer_golden') }} as golden on profile.customer_key = golden.customer_key
where case profile.field
  when 'gender' then golden.gender
  when 'occupation' then golden.occupation
  when 'education' then golden.education
  when 'income_band' then golden.income_band
  when 'marital_status' then golden.marital_status
  when 'industry' then golden.industry
  when 'employees' then cast(golden.employees as string)
  when 'city' then golden.city
end is null
