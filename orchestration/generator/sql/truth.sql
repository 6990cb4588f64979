-- What is true and no source system says. Never read by the pipeline.
create view truth__identity as
select i as person_no, 'crm' as source_system, crm_no(i) as customer_id from person where known_day < getvariable('days')
union all
select i, 'shop', shop_no(i) from person where has_account and known_day < getvariable('days')
union all
select i, 'billing', subscriber_no(i) from person where has_line and known_day < getvariable('days');

create view truth__people as
select i as person_no, household_no, is_org as is_organisation, segment, known_day as since_day, gap_days, favourite_channel, move_day,
  wedding_day, bad_day, leaves_for_it, end_day, case when end_day < getvariable('days') then end_reason end as end_reason,
  end_day < getvariable('days') as has_left,
  -- Chance of leaving within ninety days of the last day: by Weibull time, and of those whom a bad day drives out by one
  -- that comes (a rate of 1 in 1,500 days, 22.5 days before they go) or that has come.
  case when end_day < getvariable('days') then 1.0 else
    1 - exp(pow((getvariable('days') - reg_day) / life_scale, 1.4) - pow((getvariable('days') + 90 - reg_day) / life_scale, 1.4))
      * case when not leaves_for_it then 1.0 when bad_day < getvariable('days') then 0.0 else exp(-67.5 / 1500) end
    end as churn_hazard
from person join segment_habit using (segment)
where known_day < getvariable('days');

create view truth__campaign_arms as
select campaign_no, crm_no(i) as customer_id, p.segment, p.arm, p.would_add as buys_once_more, p.would_lose as stays_away
from member p join campaign using (m) where campaign.start_day < getvariable('days');

create view truth__uplift as select segment, added_chance, lost_share from segment_habit;

create view truth__rules as
select product_no(n) as antecedent, product_no(100 + n) as consequent, 'basket' as kind, 0.6 as confidence from range(1, 21) t(n)
union all select product_no(100 + n), product_no(121), 'sequence', 0.3 from range(1, 21) t(n);
