{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'campaign_cost',
  [
    'campaign_id', 'cost_type', 'occurred_on', 'wave_no', 'planned_amount', 'actual_amount',
    'units', 'medium', 'schedule', 'quantity_planned', 'quantity_distributed', 'quantity_used',
    'place',
  ],
  on='occurred_on'
) }}
