{#- Generated from data/contracts: make reference. -#}
{{ as_known(
  'promotion',
  [
    'product_id', 'store_id', 'week_start', 'display_location', 'mailer_location', 'discount_share',
  ],
  on='week_start'
) }}
