{{ versions_of(
  'customer',
  [
    'customer_id', 'customer_type', 'full_name', 'title', 'given_name', 'family_name', 'organisation_name',
    'gender', 'birth_date', 'email', 'phone', 'mobile', 'loyalty_card_no', 'address_line', 'postal_code',
    'city', 'region', 'country',
    'occupation', 'education', 'income_band', 'marital_status', 'household_size', 'home_owner',
    'industry', 'employees', 'acquisition_channel', 'acquisition_campaign_id', 'status',
    'is_listed', 'preferred_language', 'attributes', 'registered_at', 'registered_on',
    'credit_score', 'updated_at',
  ],
  dated='updated_at',
  on='registered_on'
) }}
