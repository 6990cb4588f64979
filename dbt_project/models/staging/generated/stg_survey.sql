{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'survey',
  [
    'response_id', 'customer_id', 'answered_at', 'answered_on', 'survey', 'question', 'score',
    'scale_max', 'topic', 'comment',
  ],
  on='answered_on'
) }}
