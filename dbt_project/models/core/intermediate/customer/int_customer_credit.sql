-- What the sources say of a customer's credit. Scores are sensitive: they stay in the warehouse and reach
-- readers only within the value index and as a flag. Any source's word that a customer is a risk counts.
select
  link.customer_key,
  max(cast(version.credit_score as double)) as credit_score,
  max(case
    when cast(version.credit_score as double) < settings.risky_score_below then 1
    when cast(version.credit_score as double) > settings.risky_score_above then 1
    else 0
  end) as has_risky_score,
  max(case when settings.risky_grades like '%|' || upper(trim(version.credit_grade)) || '|%' then 1 else 0 end)
    as has_risky_grade
from {{ ref('stg_customer_version') }} as version
cross join {{ ref('stg_regulars__settings') }} as settings
inner join {{ ref('stg_customer_link') }} as link
  on version.source_system = link.source_system and version.customer_id = link.customer_id and link.valid_to is null
where version.version_to is null and (version.credit_score is not null or version.credit_grade is not null)
group by link.customer_key
