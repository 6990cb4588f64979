create or replace table {decision_issue} as
select d.*, case when says_same and says_different then 'contradictory' else 'vanished' end as issue
from {decided} as d
left join {present} as l on l.source_system = left_system and l.customer_id = left_customer_id
left join {present} as r on r.source_system = right_system and r.customer_id = right_customer_id
where says_same and says_different or l.customer_id is null or r.customer_id is null
