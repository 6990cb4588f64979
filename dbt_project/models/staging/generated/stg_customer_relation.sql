{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'customer_relation',
  [
    'customer_id', 'related_customer_id', 'relation', 'department', 'job_title', 'decision_role',
    'valid_from', 'valid_from_on', 'valid_to', 'valid_to_on',
  ]
) }}
