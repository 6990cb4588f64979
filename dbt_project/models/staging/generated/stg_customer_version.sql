{#- Generated from data/contracts: make reference. -#}
{{ versions_of(
  'customer',
  [
    'customer_id', 'customer_type', 'full_name', 'title', 'given_name', 'family_name',
    'organisation_name', 'gender', 'birth_date', 'email', 'phone', 'mobile', 'loyalty_card_no',
    'address_line', 'city', 'region', 'postal_code', 'country', 'occupation', 'education',
    'income_band', 'marital_status', 'household_size', 'home_owner', 'interests', 'industry',
    'employees', 'annual_revenue', 'credit_score', 'credit_grade', 'registered_at', 'registered_on',
    'acquisition_channel', 'acquisition_campaign_id', 'status', 'is_listed', 'preferred_language',
    'email_verified_at', 'phone_verified_at', 'address_verified_at', 'verified_by', 'attributes',
    'updated_at',
  ],
  dated='updated_at',
  on='registered_on'
) }}
