{#
  Key of a refund as an order of its own: below zero, so that no order has it, even for a return and odd for a payment,
  whose source ids may be the same.
#}
{% macro refund_key(record_key, basis) -%}
  -({{ record_key }} - mod({{ record_key }}, 2)) - {{ 2 if basis == 'return' else 1 }}
{%- endmacro %}

{# Whether a row of fct_order or fct_order_line is a refund that was made of a return or a payment. #}
{% macro is_refund(amount_basis='amount_basis') -%}
  {{ amount_basis }} in ('return', 'payment')
{%- endmacro %}

{# An amount in the order's currency as company currency: at the day's rate; zero where no rate is known. #}
{% macro in_company_currency(amount, orders='orders') -%}
  case
    when {{ amount }} is null then null
    when {{ orders }}.currency_flag = 'company' then {{ money(amount) }}
    when {{ orders }}.currency_flag = 'no_rate' then {{ money('0') }}
    else {{ modelled_money(amount ~ ' * ' ~ orders ~ '.exchange_rate') }}
  end
{%- endmacro %}

{# What of a total lies above a lower bound and not above an upper one. #}
{% macro between_bounds(total, lower, upper) -%}
  least(greatest({{ total }} - {{ lower }}, 0), greatest({{ upper }} - {{ lower }}, 0))
{%- endmacro %}

{# Whether an order was cancelled by `as_of`. Its date says it; where there is none, its status. #}
{% macro is_cancelled(orders='orders', settings='settings') -%}
  coalesce({{ orders }}.cancelled_on <= {{ settings }}.as_of, {{ orders }}.status = 'cancelled', false)
{%- endmacro %}

{# Whether money has moved. A payment's status is the source's own word: these say that none has. #}
{% macro is_settled(status) -%}
  coalesce(lower(trim({{ status }})), '') not in (
    'failed', 'failure', 'declined', 'denied', 'refused', 'rejected', 'error', 'cancelled', 'canceled', 'void', 'voided',
    'expired', 'pending', 'open', 'unpaid'
  )
{%- endmacro %}
