create or replace table {identity_issue} as
select
  'decision ' || issue as issue, 'any' as kind, 'manual' as rule, count(*) as occurrences,
  null::bigint as records, null::bigint as pairs
from {decision_issue}
group by issue
union all
select 'block too large to compare', kind, rule, count(*), sum(records)::bigint, sum(pairs)::bigint
from {uncompared}
group by kind, rule
union all
select 'value of too many people', 'any', rule, count(*), sum(records)::bigint, null
from {shared_value}
group by rule
union all
select 'record without a usable field', kind, 'any', count(*), count(*), null
from {standard}
where coalesce(organisation, name_key, email, phones[1], national_id, card_no, street) is null
group by kind
