select
  cell,
  strategy_code,
  strategy,
  points,
  gifts,
  discount,
  direct_mail,
  vouchers,
  extended_service,
  extended_insurance,
  birthday_care,
  trade_in,
  service_packages
from {{ source('audit', 'cell_strategy') }}
