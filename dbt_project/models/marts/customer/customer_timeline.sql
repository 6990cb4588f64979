-- Every interaction of a customer with any department, in one order. A new kind is one more branch.
with interaction as (
  select
    customer_key,
    ordered_at as occurred_at,
    case when is_cancelled then 'cancelled order' when source_net_amount < 0 then 'credit note' else 'order' end as kind,
    channel,
    'sales' as department,
    case
      when amount_basis = 'none' then 'Order whose amount is not known'
      else case when source_net_amount < 0 then 'Credit note of ' else 'Order of ' end
        || cast(abs(source_net_amount) as decimal(18, 2)) || ' ' || currency
    end as summary
  from {{ ref('fct_order') }}
  where refunded_order_key is null
  union all
  select
    customer_key,
    ordered_at,
    'refund',
    channel,
    'sales',
    'Refund of ' || cast(-source_net_amount as decimal(18, 2)) || ' ' || currency
  from {{ ref('fct_order') }}
  where amount_basis = 'payment'
  union all
  select
    customer_key,
    requested_at,
    'return',
    null,
    'sales',
    coalesce(kind, 'return') || coalesce(': ' || reason, '')
  from {{ ref('fct_return') }}
  union all
  select
    customer_key,
    contacted_at,
    'contact ' || direction,
    channel,
    department,
    contact_type || coalesce(', ' || topic, '') || coalesce(': ' || replace(result, '_', ' '), '')
  from {{ ref('fct_contact') }}
  union all
  select
    customer_key,
    opened_at,
    'complaint',
    channel,
    coalesce(department, 'service'),
    coalesce(complaint_type, 'complaint') || case when is_open then ', open' else ', resolved' end
  from {{ ref('int_customer_complaint') }}
  union all
  select
    customer_key,
    occurred_at,
    kind,
    null,
    department,
    summary
  from {{ ref('int_customer_feedback') }}
  union all
  select
    event.customer_key,
    event.occurred_at,
    'campaign',
    event.channel,
    'marketing',
    replace(event.event_type, '_', ' ') || ': ' || coalesce(campaign.name, campaign.campaign_id, 'campaign')
  from {{ ref('fct_campaign_event') }} as event
  left join {{ ref('dim_campaign') }} as campaign on event.campaign_key = campaign.campaign_key
  union all
  select
    billing.customer_key,
    cast(calendar.date_day as timestamp),
    'invoice',
    null,
    'billing',
    'Invoice of ' || cast(billing.invoice_amount as decimal(18, 2)) || ' ' || settings.currency
    || case when billing.paid_on is null then ', unpaid' else ', paid' end
  from {{ ref('fct_billing') }} as billing
  inner join {{ ref('dim_date') }} as calendar on billing.date_key = calendar.date_key
  cross join {{ ref('stg_regulars__settings') }} as settings
  union all
  select
    customer_key,
    occurred_at,
    'loyalty',
    null,
    'marketing',
    coalesce(kind || ': ', '') || cast(points as decimal(18, 0)) || ' points'
  from {{ ref('fct_loyalty_points') }}
)

select
  interaction.customer_key,
  interaction.occurred_at,
  interaction.kind,
  interaction.channel,
  interaction.department,
  interaction.summary,
  row_number() over (
    partition by interaction.customer_key
    order by interaction.occurred_at desc, interaction.kind asc, interaction.summary asc
  ) as newest_first
from interaction
where interaction.customer_key <> -1 and interaction.occurred_at is not null
