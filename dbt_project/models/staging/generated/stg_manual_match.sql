{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'manual_match',
  [
    'left_system', 'left_customer_id', 'right_system', 'right_customer_id', 'decision',
    'decided_by', 'decided_at', 'decided_on', 'reason',
  ],
  on='decided_on'
) }}
