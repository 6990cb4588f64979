"""The fixture company: 300 customers, every input entity filled, made by SQL from row numbers.

The same data on every machine: what looks random is DuckDB's hash of the row number and a salt.
"""

from __future__ import annotations

from typing import ClassVar

import yaml

from orchestration.config.contracts import load_contracts
from tests.support.shop import Shop

CUSTOMERS, PRODUCTS, STORES, AGENTS, CAMPAIGNS, DAYS = 300, 60, 5, 8, 6, 420
ORDERS, CONTACTS, VISITS, LEADS = 2_400, 900, 1_500, 120
START = "timestamp '2024-11-01 09:00'"
CHANNELS = ("counter", "web", "hotline", "email", "sms", "outbound_call")

COMPANY = {
    "name": "fixture",
    "title": "Fixture Telecom & Retail",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "lifecycle": {"new_days": 60, "at_risk_after_days": 60, "lost_after_days": 120},
    "privacy": {"clear_keys": True},
    "resources": {"disk_headroom": "1MB"},
}


def pick(number: int, salt: str) -> str:
    """SQL of a number from 0 to one less than `number`, fixed by the row `i` and the salt."""
    return f"(hash(i, '{salt}') % {number})::int"


def one_of(values: tuple[str, ...], salt: str) -> str:
    """SQL of one of some texts."""
    return f"list_value({', '.join(repr(v) for v in values)})[1 + {pick(len(values), salt)}]"


def at(span_days: int, salt: str) -> str:
    """SQL of a time in the company's days."""
    return f"{START} + to_days({pick(span_days, salt)}) + to_minutes({pick(600, salt + 'm')})"


CUSTOMER = f"'C' || (1 + {pick(CUSTOMERS, 'customer')})"
PRODUCT = f"'P' || (1 + {pick(PRODUCTS, 'product')})"
CAMPAIGN = f"'K' || (1 + {pick(CAMPAIGNS, 'campaign')})"
AGENT = f"'A' || (1 + {pick(AGENTS, 'agent')})"

# entity → rows of `i`, and SQL of the columns. What is not named stays empty.
ROWS: dict[str, tuple[int, dict[str, str]]] = {
    "customer": (
        CUSTOMERS,
        {
            "customer_id": "'C' || i",
            "customer_type": "case when i % 10 = 0 then 'organisation' else 'person' end",
            "full_name": "'Given' || i || ' Family' || (i % 90)",
            "given_name": "'Given' || i",
            "family_name": "'Family' || (i % 90)",
            "organisation_name": "case when i % 10 = 0 then 'Firm ' || i || ' GmbH' end",
            "gender": one_of(("female", "male", "other"), "gender"),
            "birth_date": f"date '1950-01-01' + {pick(18_000, 'birth')}",
            "email": "'c' || i || '@example.com'",
            "phone": "'+4930' || (1000000 + i)",
            "city": one_of(("Berlin", "Hamburg", "Bonn"), "city"),
            "region": "'North'",
            "postal_code": "(10000 + i)::varchar",
            "country": "'DE'",
            "address_line": "i || ' High St'",
            "household_size": f"1 + {pick(5, 'house')}",
            "income_band": one_of(("low", "middle", "high"), "income"),
            "registered_at": at(DAYS, "registered"),
            "status": "'active'",
            "is_listed": "i % 4 = 0",
            "acquisition_channel": one_of(CHANNELS, "acquired"),
            "acquisition_campaign_id": CAMPAIGN,
            "attributes": "json_object('shoe_size', 36 + i % 10)::varchar",
            "updated_at": f"{START} + to_days({pick(60, 'updated')})",
        },
    ),
    "customer_relation": (
        60,
        {
            "customer_id": "'C' || i",
            "related_customer_id": "'C' || (i + 60)",
            "relation": one_of(("household", "parent", "referral", "contact_of"), "relation"),
            "department": "'Purchasing'",
            "decision_role": "'buyer'",
            "valid_from": START,
        },
    ),
    "consent": (
        CUSTOMERS,
        {
            "customer_id": "'C' || i",
            "channel": one_of(CHANNELS, "consent"),
            "status": "case when i % 7 = 0 then 'denied' else 'granted' end",
            "purpose": "'marketing'",
            "recorded_at": at(DAYS, "c"),
        },
    ),
    "external_profile": (
        40,
        {
            "profile_id": "'X' || i",
            "list_id": "'L1'",
            "full_name": "'Given' || i || ' Family' || (i % 90)",
            "provider": "'Lists Ltd'",
            "valid_until": "date '2027-01-01'",
        },
    ),
    "loyalty_points": (
        600,
        {
            "entry_id": "'Y' || i",
            "customer_id": CUSTOMER,
            "occurred_at": at(DAYS, "points"),
            "points": f"10 + {pick(90, 'p')}",
            "kind": one_of(("earn", "burn", "expire", "gift"), "kind"),
            "campaign_id": CAMPAIGN,
        },
    ),
    "survey": (
        200,
        {
            "response_id": "'S' || i",
            "customer_id": CUSTOMER,
            "answered_at": at(DAYS, "survey"),
            "survey": "'yearly'",
            "question": "'Would you recommend us?'",
            "score": pick(11, "score"),
            "scale_max": "10",
            "topic": "'service'",
        },
    ),
    "manual_match": (
        3,
        {
            "left_system": "'house'",
            "left_customer_id": "'C' || i",
            "right_system": "'house'",
            "right_customer_id": "'C' || (i + 100)",
            "decision": "case when i = 3 then 'same' else 'different' end",
            "decided_by": "'an analyst'",
            "decided_at": START,
        },
    ),
    "product": (
        PRODUCTS,
        {
            "product_id": "'P' || i",
            "name": "'Product ' || i",
            "brand": "'Brand ' || (i % 7)",
            "category_1": one_of(("Phones", "Food", "Services"), "department"),
            "category_2": "'Group ' || (i % 12)",
            "unit_cost": "2 + i % 9",
            "list_price": "5 + i % 20",
            "business_type": one_of(("goods", "service"), "business"),
            "complexity": "(i % 10) / 10.0",
            "launched_on": "date '2024-01-01'",
        },
    ),
    "product_price": (
        PRODUCTS,
        {
            "product_id": "'P' || i",
            "valid_from": START,
            "price": "5 + i % 20",
            "kind": "'own'",
            "store_id": "'T1'",
        },
    ),
    "promotion": (
        300,
        {
            "product_id": "'P' || (1 + i % 60)",
            "store_id": "'T' || (1 + i // 60)",
            "week_start": "date '2025-01-06'",
            "display_location": "'front'",
            "mailer_location": "'page 1'",
            "discount_share": "0.2",
        },
    ),
    "plan": (4, {"plan_id": "'N' || i", "name": "'Plan ' || i", "monthly_fee": "10 * i", "contract_months": "12"}),
    "plan_rate": (
        8,
        {
            "plan_id": "'N' || (1 + i % 4)",
            "service": "case when i <= 4 then 'voice' else 'data' end",
            "unit": "'minute'",
            "included_units": "100",
            "step_from": "0",
            "unit_price": "0.1",
            "cap_amount": "30",
        },
    ),
    "sales_order": (
        ORDERS,
        {
            "order_id": "'O' || i",
            "customer_id": f"case when i % 11 <> 0 then {CUSTOMER} end",
            "ordered_at": at(DAYS, "order"),
            "paid_at": f"case when i % 23 <> 0 then {at(DAYS, 'order')} + to_hours(2) end",
            "status": "case when i % 29 = 0 then 'cancelled' else 'completed' end",
            "cancelled_at": f"case when i % 29 = 0 then {at(DAYS, 'order')} + to_hours(5) end",
            "channel": "case when i % 3 = 0 then 'web' else 'counter' end",
            "store_id": f"'T' || (1 + {pick(STORES, 'store')})",
            "agent_id": AGENT,
            "campaign_id": f"case when i % 5 = 0 then {CAMPAIGN} end",
            "currency": "'EUR'",
            "net_amount": "case when i % 97 = 0 then -20.5 else 10.0 + i % 13 end + 4.25",
        },
    ),
    "order_line": (
        2 * ORDERS,
        {
            "order_id": "'O' || (1 + (i - 1) % 2400)",
            "line_no": "1 + (i - 1) // 2400",
            "product_id": PRODUCT,
            "quantity": "case when i <= 2400 and i % 97 = 0 then -1 else 1 + i % 3 end",
            "unit_price": "5",
            "gross_amount": "case when i > 2400 then 5 when i % 97 = 0 then -20.5 else 11.0 + i % 13 end",
            "net_amount": "case when i > 2400 then 4.25 when i % 97 = 0 then -20.5 else 10.0 + i % 13 end",
            "cost_amount": "3",
        },
    ),
    "payment": (
        ORDERS,
        {
            "payment_id": "'Z' || i",
            "order_id": "'O' || i",
            "paid_at": at(DAYS, "order"),
            "method": "'card'",
            "amount": "20",
            "status": "'settled'",
        },
    ),
    "product_return": (
        90,
        {
            "return_id": "'R' || i",
            "order_id": "'O' || (7 * i)",
            "line_no": "1",
            "product_id": PRODUCT,
            "kind": "'return'",
            "requested_at": at(DAYS, "return"),
            "quantity": "1",
            "amount": "10",
            "reason": "'too small'",
        },
    ),
    "billing": (
        500,
        {
            "invoice_id": "'I' || i",
            "customer_id": CUSTOMER,
            "issued_at": at(DAYS, "bill"),
            "due_at": f"{at(DAYS, 'bill')} + to_days(30)",
            "paid_at": f"case when i % 8 <> 0 then {at(DAYS, 'bill')} + to_days({pick(45, 'paid')}) end",
            "amount": "40",
            "paid_amount": "40",
        },
    ),
    "channel": (
        len(CHANNELS),
        {
            "channel": "list_value('counter', 'web', 'hotline', 'email', 'sms', 'outbound_call')[i]",
            "channel_type": "list_value('counter', 'web', 'hotline', 'email', 'sms', 'outbound_call')[i]",
            "name": "'Channel ' || i",
            "electronic": "i > 1",
            "human": "i in (1, 3, 6)",
            "two_way": "i <> 5",
            "can_transact": "i in (1, 2, 3)",
            "cost_per_contact": "i / 2.0",
            "capacity_per_day": "100 * i",
        },
    ),
    "contact": (
        CONTACTS,
        {
            "contact_id": "'H' || i",
            "customer_id": CUSTOMER,
            "contacted_at": at(DAYS, "contact"),
            "channel": one_of(CHANNELS, "by"),
            "direction": "case when i % 2 = 0 then 'in' else 'out' end",
            "contact_type": one_of(("care", "inquiry", "complaint", "transaction", "query", "marketing"), "about"),
            "topic": one_of(("bill", "haggling", "delivery"), "topic"),
            "product_id": PRODUCT,
            "campaign_id": CAMPAIGN,
            "agent_id": AGENT,
            "duration_seconds": f"30 + {pick(600, 'long')}",
            "result": one_of(("success", "failure", "no_answer"), "res"),
            "rating": f"1 + {pick(5, 'rate')}",
            "list_id": "'L1'",
            "call_cost": "0.5",
        },
    ),
    "complaint": (
        80,
        {
            "complaint_id": "'Q' || i",
            "contact_id": "'H' || (11 * i)",
            "customer_id": CUSTOMER,
            "opened_at": at(DAYS, "complain"),
            "channel": "'hotline'",
            "complaint_type": one_of(("quality", "delivery", "bill"), "why"),
            "product_id": PRODUCT,
            "department": "'service'",
            "handler_id": AGENT,
            "status": "'closed'",
            "severity": "'minor'",
            "resolved_at": f"{at(DAYS, 'complain')} + to_days({pick(9, 'solved')})",
        },
    ),
    "review": (
        250,
        {
            "review_id": "'V' || i",
            "order_id": "'O' || (9 * i)",
            "line_no": "1",
            "product_id": PRODUCT,
            "customer_id": CUSTOMER,
            "reviewed_at": at(DAYS, "review"),
            "rating": f"1 + {pick(5, 'stars')}",
            "rating_max": "5",
            "shared": "i % 6 = 0",
        },
    ),
    "service_event": (
        70,
        {
            "event_id": "'G' || i",
            "customer_id": CUSTOMER,
            "product_id": PRODUCT,
            "store_id": "'T1'",
            "due_at": at(DAYS, "due"),
            "occurred_at": at(DAYS, "due"),
            "amount": "25",
        },
    ),
    "agent": (
        AGENTS,
        {
            "agent_id": "'A' || i",
            "name": "'Agent ' || i",
            "team": "'Team ' || (i % 2)",
            "role": one_of(("service", "sales", "telemarketing", "field"), "role"),
            "hired_on": "date '2020-01-01'",
            "hourly_cost": "20",
        },
    ),
    "store": (
        STORES,
        {
            "store_id": "'T' || i",
            "name": "'Store ' || i",
            "kind": "case when i = 5 then 'web' else 'shop' end",
            "city": "'Berlin'",
            "region": "'North'",
            "country": "'DE'",
            "opened_on": "date '2010-01-01'",
        },
    ),
    "subscription": (
        150,
        {
            "subscription_id": "'U' || i",
            "customer_id": "'C' || (2 * i)",
            "plan_id": "'N' || (1 + i % 4)",
            "product_id": PRODUCT,
            "started_at": START,
            "ended_at": f"case when i % 6 = 0 then {START} + to_days({100 + DAYS // 4}) end",
            "monthly_fee": "10 * (1 + i % 4)",
            "end_reason": "case when i % 6 = 0 then 'price' end",
        },
    ),
    "usage": (
        1_800,
        {
            "customer_id": "'C' || (2 * (1 + i % 150))",
            "subscription_id": "'U' || (1 + i % 150)",
            "month": "(date '2024-11-01' + to_months(((i - 1) // 150)::int))::date",
            "service": "'voice'",
            "units": f"20 + {pick(200, 'use')}",
            "charged_amount": "5",
        },
    ),
    "web_event": (
        6 * VISITS,
        {
            "event_id": "'W' || i",
            "visitor_id": "'B' || (1 + (i - 1) // 6 % 700)",
            "customer_id": f"case when ((i - 1) // 6) % 3 = 0 then 'C' || (1 + ((i - 1) // 6) % {CUSTOMERS}) end",
            "occurred_at": f"{START} + to_days(((i - 1) // 6 % {DAYS})::int) + to_minutes(((i - 1) % 6)::int)",
            "event_type": "list_value('page_view', 'search', 'product_view', 'add_to_cart', 'checkout', 'purchase')"
            "[1 + (i - 1) % 6]",
            "url": "'https://shop.example/p/' || (i % 60)",
            "utm_source": "'ads'",
            "keyword": "'phone'",
            "product_id": PRODUCT,
            "device": one_of(("mobile", "desktop"), "device"),
            "dwell_seconds": pick(120, "dwell"),
            "status_code": "200",
        },
    ),
    "campaign": (
        CAMPAIGNS,
        {
            "campaign_id": "'K' || i",
            "name": "'Campaign ' || i",
            "objective": "'win back'",
            "channel": one_of(CHANNELS, "k"),
            "starts_at": f"{START} + to_days((i * 60)::int)",
            "ends_at": f"{START} + to_days((i * 60 + 30)::int)",
            "owner": "'CRM'",
            "budget_amount": "1000 * i",
        },
    ),
    "campaign_wave": (
        12,
        {
            "campaign_id": "'K' || (1 + (i - 1) % 6)",
            "wave_no": "1 + (i - 1) // 6",
            "channel": one_of(CHANNELS, "wave"),
            "scheduled_at": f"{START} + to_days((i * 30)::int)",
            "offer_id": "'F1'",
        },
    ),
    "campaign_member": (
        900,
        {
            "campaign_id": "'K' || (1 + (i - 1) // 150)",
            "customer_id": "'C' || (1 + (i * 2) % 300)",
            "wave_no": "1",
            "arm": "case when i % 5 = 0 then 'control' else 'treatment' end",
            "assigned_at": f"{START} + to_days(((1 + (i - 1) // 150) * 60)::int)",
        },
    ),
    "campaign_event": (
        700,
        {
            "event_id": "'E' || i",
            "campaign_id": CAMPAIGN,
            "wave_no": "1",
            "customer_id": CUSTOMER,
            "channel": one_of(CHANNELS, "ce"),
            "event_type": one_of(("sent", "delivered", "opened", "clicked", "responded", "redeemed"), "event"),
            "occurred_at": at(DAYS, "event"),
            "offer_id": "'F1'",
        },
    ),
    "offer": (
        10,
        {
            "offer_id": "'F' || i",
            "campaign_id": "'K' || (1 + i % 6)",
            "name": "'Offer ' || i",
            "kind": "'coupon'",
            "face_value": "5",
            "valid_from": START,
            "valid_to": f"{START} + to_days(400)",
        },
    ),
    "offer_product": (
        30,
        {
            "offer_id": "'F' || (1 + i % 10)",
            "campaign_id": "'K' || (1 + i % 6)",
            "product_id": "'P' || i",
        },
    ),
    "exchange_rate": (30, {"currency": "'USD'", "day": "date '2025-12-01' + i::int", "rate_to_base": "0.9"}),
    "campaign_cost": (
        24,
        {
            "campaign_id": "'K' || (1 + (i - 1) % 6)",
            "cost_type": "list_value('material', 'media', 'labour', 'discount')[1 + (i - 1) // 6]",
            "occurred_on": "date '2025-03-01'",
            "planned_amount": "100",
            "actual_amount": "90 + i",
        },
    ),
    "list_source": (
        2,
        {"list_id": "'L' || i", "kind": "'own'", "provider": "'us'", "records": "300", "cost_amount": "0"},
    ),
    "marketing_resource": (
        12,
        {
            "entry_id": "'J' || i",
            "campaign_id": CAMPAIGN,
            "resource": "'gifts'",
            "occurred_at": at(DAYS, "gift"),
            "kind": "list_value('requested', 'approved', 'used')[1 + i % 3]",
            "amount": "100",
        },
    ),
    "ad_performance": (
        300,
        {
            "day": f"date '2024-11-01' + {pick(DAYS, 'ad')}",
            "platform": "'search'",
            "ad_campaign": "'ad ' || i",
            "promotion_class": "'paid_search'",
            "pricing_model": "'cpc'",
            "keyword": "'phone ' || i",
            "impressions": "1000",
            "clicks": "30",
            "cost": "9",
            "conversions": "1",
            "revenue": "40",
        },
    ),
    "inventory": (
        300,
        {
            "product_id": "'P' || (1 + i % 60)",
            "store_id": "'T' || (1 + (i - 1) // 60)",
            "day": "date '2025-12-01'",
            "on_hand": "i % 50",
        },
    ),
    "lead": (
        LEADS,
        {
            "lead_id": "'D' || i",
            "created_at": at(DAYS, "lead"),
            "source": one_of(("fair", "web", "call"), "from"),
            "campaign_id": CAMPAIGN,
            "interest_product_id": PRODUCT,
            "full_name": "'Lead ' || i",
            "email": "'lead' || i || '@example.com'",
            "list_id": "'L2'",
            "budget_amount": "100 * i",
        },
    ),
    "lead_event": (
        2 * LEADS,
        {
            "lead_id": "'D' || (1 + (i - 1) % 120)",
            "occurred_at": f"{START} + to_days((200 + 30 * ((i - 1) // 120))::int)",
            "stage": "case when i <= 120 then 'contacted' when i % 4 = 0 then 'won' else 'lost' end",
            "agent_id": AGENT,
            "channel": "'outbound_call'",
            "amount": "case when i > 120 and i % 4 = 0 then 250 end",
        },
    ),
    "kpi_target": (
        12,
        {
            "kpi_code": "'sales'",
            "period_start": "(date '2025-01-01' + to_months((i - 1)::int))::date",
            "grain": "'month'",
            "owner_role": "'shop manager'",
            "target_value": "2500",
        },
    ),
    "kpi_benchmark": (
        12,
        {
            "kpi_code": "'repeat_rate'",
            "period_start": "(date '2025-01-01' + to_months((i - 1)::int))::date",
            "grain": "'month'",
            "average_value": "0.3",
            "excellent_value": "0.4",
            "industry": "'retail'",
        },
    ),
}


class Fixture(Shop):
    """The fixture company's folders below one root."""

    name: ClassVar[str] = "fixture"

    def write(self) -> None:
        """Write data and configuration: one file and one map per entity, column by column."""
        self.data.mkdir(parents=True, exist_ok=True)
        contracts = load_contracts()
        assert set(ROWS) == set(contracts), "every entity is touched"
        for entity, (rows, columns) in ROWS.items():
            chosen = ", ".join(f"({sql}) as {name}" for name, sql in columns.items())
            self.put(entity, f"select {chosen} from range(1, {rows + 1}) t(i)")
        self.configure()

    def configure(self, company: dict[str, object] | None = None, source: dict[str, object] | None = None) -> None:
        """Write company.yml and sources/house.yml."""
        folder = self.companies / self.name
        (folder / "sources").mkdir(parents=True, exist_ok=True)
        (folder / "company.yml").write_text(yaml.safe_dump(COMPANY | (company or {})))
        whole: dict[str, object] = {
            "system": "house",
            "timezone": "Europe/Berlin",
            "connector": {"kind": "parquet", "path": "${SHOP_DATA}"},
            "tables": dict.fromkeys(ROWS),
            "maps": {e: {"from": e, "columns": {c: c for c in columns}} for e, (_, columns) in ROWS.items()},
        }
        (folder / "sources" / "house.yml").write_text(yaml.safe_dump(whole | (source or {}), sort_keys=False))
