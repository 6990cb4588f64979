{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'plan_rate',
  [
    'plan_id', 'service', 'time_band', 'unit', 'included_units', 'step_from', 'step_to',
    'unit_price', 'cap_amount',
  ]
) }}
