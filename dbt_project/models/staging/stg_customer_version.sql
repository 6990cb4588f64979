{{ versions_of(
  'customer',
  [
    'customer_id', 'customer_type', 'gender', 'birth_date', 'city', 'region', 'country',
    'occupation', 'education', 'income_band', 'marital_status', 'household_size', 'home_owner',
    'industry', 'employees', 'acquisition_channel', 'acquisition_campaign_id', 'status',
    'is_listed', 'preferred_language', 'attributes', 'registered_at', 'registered_on',
    'credit_score', 'credit_grade', 'updated_at',
  ],
  dated='updated_at',
  on='registered_on'
) }}
