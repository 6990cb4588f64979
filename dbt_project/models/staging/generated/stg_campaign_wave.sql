{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'campaign_wave',
  [
    'campaign_id', 'wave_no', 'channel', 'scheduled_at', 'scheduled_on', 'rule', 'offer_id',
    'template_id',
  ]
) }}
