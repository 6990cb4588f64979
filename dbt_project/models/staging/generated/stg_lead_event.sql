{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'lead_event',
  [
    'lead_id', 'occurred_at', 'occurred_on', 'stage', 'agent_id', 'channel', 'nurture_path',
    'amount', 'reason',
  ],
  on='occurred_on'
) }}
