-- Who was chosen for which arm, what became of each message, and what advertising cost.
create view campaign_tool__members as
select c.campaign_no, crm_no(i) as customer_no, arm, segment as cell, 'L1' as list_no, iso(start_day - 0.5) as assigned, start_day::int as day
from member join campaign c using (m, start_day);

create view campaign_tool__events as
with sent as (
  select m, i, channel, start_day + 0.4 as at_day, would_add, u2('delivers', i, m) < 0.96 as arrives, u2('opens', i, m) < 0.35 as opens,
    u2('clicks', i, m) < 0.3 as clicks, u2('leaves list', i, m) < 0.01 as leaves, end_day
  from member where arm = 'treatment'
)
select 'E' || m || '-' || i || '-' || kind as event_no, 'K' || lpad(m::varchar, 3, '0') as campaign_no, crm_no(i) as customer_no, channel, kind,
  iso(happened) as occurred, 'OF' || lpad(m::varchar, 3, '0') as offer_no, case when kind = 'redeemed' then (i * 1000 + 800 + m)::varchar end as order_no,
  floor(happened)::int as day
from (
  select *, unnest(list_filter([
      {'kind': 'sent', 'happened': at_day},
      case when arrives then {'kind': 'delivered', 'happened': at_day + 0.001} else {'kind': 'bounced', 'happened': at_day + 0.002} end,
      case when arrives and opens then {'kind': 'opened', 'happened': at_day + 0.1 + u2('opened', i, m)} end,
      case when arrives and opens and clicks then {'kind': 'clicked', 'happened': at_day + 0.11 + u2('opened', i, m)} end,
      case when arrives and leaves then {'kind': 'unsubscribed', 'happened': at_day + 1.2} end,
      case when would_add and at_day + 0.6 + 12 * u2('answer day', i, m) < end_day
        then {'kind': 'redeemed', 'happened': at_day + 0.6 + 12 * u2('answer day', i, m)} end
    ], lambda e: e is not null), recursive := true) from sent
);

create view campaign_tool__ads as
select iso_date(d) as day_shown, platform, 'Always on' as ad_campaign, class, pricing, keyword, 'top' as placement, c.city,
  (0.2 + 0.6 * u2('bid', d, keyword))::decimal(9, 2)::varchar as bid, (1 + floor(4 * u2('position', d, keyword)))::int::varchar as position,
  shown::varchar as impressions, clicks::varchar as clicks, floor(clicks * 0.9)::int::varchar as visits, (clicks * (0.2 + 0.5 * u2('cpc', d, keyword)))::decimal(12, 2)::varchar as cost,
  floor(clicks * 0.02)::int::varchar as conversions, (floor(clicks * 0.02) * 45)::decimal(12, 2)::varchar as revenue, d::int as day
from (
  select d, platform, class, pricing, keyword, 500 + floor(4000 * u2('shown', d, keyword))::int as shown,
    floor((500 + 4000 * u2('shown', d, keyword)) * (0.01 + 0.05 * u2('ctr', d, keyword)))::int as clicks
  from range(getvariable('since'), getvariable('days')) t(d), (values
    ('search', 'paid_search', 'cpc', 'phone'), ('search', 'paid_search', 'cpc', 'phone case'), ('search', 'natural_search', 'fixed', 'router'),
    ('social', 'community', 'cpm', 'none'), ('partner', 'affiliate', 'cps', 'none')
  ) a(platform, class, pricing, keyword)
), city c where c.city_no <= 2;
