"""What an order is worth: currencies, orders without lines, every way in which refunds arrive; figures by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.support.equality import contents, difference
from tests.support.shop import Shop

pytestmark = pytest.mark.slow

COMPANY = {
    "name": "shop", "title": "Money", "currency": "EUR", "timezone": "UTC", "privacy": {"clear_keys": True},
    "resources": {"disk_headroom": "1MB"}, "exchange_rate_max_age_days": 3,
}  # fmt: skip
SOURCE = """
system: till
timezone: UTC
connector: {kind: csv, path: "${SHOP_DATA}"}
tables: {orders: {}, lines: {}, returns: {}, payments: {}, rates: {}}
maps:
  sales_order:
    from: orders
    columns: {order_id: id, customer_id: customer, ordered_at: day, status: status, currency: currency,
              net_amount: net, shipping_amount: shipping}
  order_line:
    from: lines
    columns: {order_id: id, line_no: line, product_id: sku, quantity: pieces, net_amount: net, cost_amount: cost}
  product_return:
    from: returns
    columns: {return_id: id, order_id: order_no, line_no: line, kind: kind, requested_at: day, quantity: pieces,
              amount: amount}
  payment:
    from: payments
    columns: {payment_id: id, order_id: order_no, paid_at: day, amount: amount}
  exchange_rate:
    from: rates
    columns: {currency: currency, day: day, rate_to_base: rate}
"""
# One customer per case, called like it; the order has the customer's name and a number.
DATA = {
    "orders": """id,customer,day,status,currency,net,shipping
credit1,credit,2024-01-05 10:00,completed,EUR,100,
credit2,credit,2024-02-05 10:00,completed,EUR,-100,
line1,line,2024-01-05 10:00,completed,EUR,60,
whole1,whole,2024-01-05 10:00,completed,EUR,100,
part1,part,2024-01-05 10:00,completed,EUR,80,
paid1,paid,2024-01-05 10:00,completed,EUR,100,5
both1,both,2024-01-05 10:00,completed,EUR,100,
noted1,noted,2024-01-05 10:00,completed,EUR,100,
noted2,noted,2024-01-20 10:00,completed,EUR,-100,
gone1,gone,2024-01-05 10:00,cancelled,EUR,100,
header1,header,2024-01-05 10:00,completed,,50,
waits1,waits,2024-01-05 10:00,completed,EUR,,
saved1,saved,2024-01-05 10:00,completed,EUR,70,
dollar1,dollar,2024-01-06 10:00,completed, usd ,100,
franc1,franc,2024-01-06 10:00,completed,CHF,500,
swap1,swap,2024-01-05 10:00,completed,EUR,100,
bare1,bare,2024-01-05 10:00,completed,EUR,,
pair1,pair,2024-01-05 10:00,completed,EUR,100,
pair2,pair,2024-02-14 10:00,completed,EUR,-50,
charged1,charged,2024-01-05 10:00,completed,EUR,100,
last1,,2024-03-31 10:00,completed,EUR,10,
""",
    "lines": """id,line,sku,pieces,net,cost
credit1,1,A,1,100,50
credit2,1,A,-1,-100,-50
line1,1,A,1,100,50
line1,2,A,-1,-40,-20
whole1,1,A,1,100,50
part1,1,A,4,80,40
paid1,1,A,1,100,50
both1,1,A,1,100,50
noted1,1,A,1,100,50
noted2,1,A,-1,-100,-50
gone1,1,A,1,100,50
waits1,1,A,many,20,10
saved1,1,A,many,70,35
dollar1,1,A,2,100,60
franc1,1,A,1,500,300
swap1,1,A,1,100,50
pair1,1,A,1,60,30
pair1,2,B,1,40,20
pair2,1,A,-1,-50,-25
charged1,1,A,1,100,50
last1,1,A,1,10,5
""",
    "returns": """id,order_no,line,kind,day,pieces,amount
r1,whole1,1,return,2024-02-10 10:00,1,100
r2,part1,1,return,2024-02-10 10:00,1,
r3,both1,1,return,2024-02-10 10:00,,30
r4,noted1,1,return,2024-01-18 10:00,1,100
r5,dollar1,1,return,2024-02-10 10:00,1,50
r6,swap1,1,exchange,2024-02-10 10:00,1,100
r7,never1,1,return,2024-02-10 10:00,1,999
r9,pair1,1,return,2024-02-10 10:00,,30
r10,pair1,2,return,2024-02-11 10:00,,20
""",
    "payments": """id,order_no,day,amount
p1,paid1,2024-01-05 11:00,105
p2,paid1,2024-02-12 11:00,-105
p3,both1,2024-01-05 11:00,100
r3,both1,2024-02-12 11:00,-30
p5,gone1,2024-01-05 11:00,100
p6,gone1,2024-01-06 11:00,-100
p8,pair1,2024-01-05 11:00,100
p9,pair1,2024-02-13 11:00,-50
p10,charged1,2024-01-05 11:00,100
p11,charged1,2024-01-07 11:00,-100
p12,charged1,2024-01-08 11:00,100
p13,charged1,2024-03-20 11:00,-40
""",
    "rates": """currency,day,rate
Usd,2024-01-04,0.9
CHF,2024-01-02,1.05
CHF,2024-01-07,1.06
""",
}
WORTH = {
    "credit": 0, "line": 60, "whole": 0, "part": 60, "paid": 0, "both": 70, "noted": 0, "header": 50, "saved": 70,
    "dollar": 45, "franc": 0, "swap": 100, "bare": 0, "pair": 50, "charged": 60,
}  # fmt: skip
# The same less its cost; goods that come back bring theirs.
MARGIN = {
    "credit": 0,
    "line": 30,
    "whole": 0,
    "part": 30,
    "paid": -50,
    "both": 35,
    "dollar": 18,
    "swap": 50,
    "pair": 25,
    "charged": 10,
}


@pytest.fixture(scope="module")
def money(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The company after its first refresh."""
    shop = Shop(tmp_path_factory.mktemp("money"))
    folder = shop.companies / "shop"
    (folder / "sources").mkdir(parents=True)
    (folder / "company.yml").write_text(yaml.safe_dump(COMPANY))
    (folder / "sources" / "till.yml").write_text(SOURCE)
    shop.data.mkdir()
    for table, text in DATA.items():
        (shop.data / f"{table}.csv").write_text(text)
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "till.sales_order: share of orders in another currency" in done.stdout
    assert "till.sales_order: share of orders without an amount" in done.stdout
    return shop


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


BY_CUSTOMER = "join core.customer_xref x on x.customer_key = o.customer_key and x.valid_to is null"


@pytest.mark.xdist_group("money")
def test_sales_monetary_value_and_tree_are_one_figure(money: Shop) -> None:
    def by_customer(table: str, value: str) -> dict[object, object]:
        found = query(money.published, f"select x.customer_id, {value} from {table} o {BY_CUSTOMER} group by 1")
        return dict(found)  # type: ignore[arg-type]

    orders = by_customer("core.fct_order", "sum(net_amount) filter (not is_cancelled)")
    assert {k: v for k, v in orders.items() if k not in ("gone", "waits")} == WORTH
    monetary = by_customer("marts.customer_lifecycle", "sum(monetary)")
    assert monetary == WORTH
    total = sum(WORTH.values()) + 10
    for grain in ("week", "month", "quarter"):
        tree = query(
            money.published,
            f"select node_code, sum(value) from marts.kpi_tree where period_grain = '{grain}' and dimension = 'all' "
            "and node_code in ('sales', 'identified_sales') and root_code = 'sales' group by 1 order by 1",
        )
        assert tree == [("identified_sales", total - 10), ("sales", total)]
    features = query(
        money.state / "warehouse.duckdb",
        "select l.customer_id, spend_12m, net_margin_12m from features.feat_customer_value f "
        "join identity.customer_link l on l.customer_key = f.customer_key and l.valid_to is null",
    )
    assert {who: spend for who, spend, _ in features} == WORTH
    assert {who: margin for who, _, margin in features if who in MARGIN} == MARGIN


@pytest.mark.xdist_group("money")
def test_what_is_not_known_is_flagged_and_added_to_nothing(money: Shop) -> None:
    columns = (
        "order_id, net_amount, source_net_amount, currency, currency_flag, amount_basis, is_purchase, is_valued, "
        "has_quarantined_line"
    )
    found = query(
        money.published,
        f"select {columns} from core.fct_order where order_id in ('header1', 'waits1', 'saved1', 'dollar1', 'franc1', "
        "'bare1') order by 1",
    )
    assert found == [
        ("bare1", 0, 0, "EUR", "company", "none", True, False, False),
        ("dollar1", 90, 100, "USD", "converted", "lines", True, True, False),
        ("franc1", 0, 500, "CHF", "no_rate", "lines", True, False, False),
        ("header1", 50, 50, "EUR", "company", "header", True, True, False),
        ("saved1", 70, 70, "EUR", "company", "header", True, True, True),
        ("waits1", 0, 0, "EUR", "company", "none", False, False, True),
    ]
    frequency = query(
        money.published,
        f"select x.customer_id, frequency from marts.customer_lifecycle o {BY_CUSTOMER} "
        "where x.customer_id in ('franc', 'bare', 'waits', 'credit') order by 1",
    )
    assert frequency == [("bare", 1), ("credit", 1), ("franc", 1)]
    # Thirteen known customers bought something of a known value: 1,150 by 13 orders, before later refunds.
    january = query(
        money.published,
        "select node_code, value from marts.kpi_tree where period_grain = 'month' and period_start = '2024-01-01' "
        "and dimension = 'all' and node_code in ('buyers', 'average_order_value') order by 1",
    )
    assert january == [("average_order_value", pytest.approx(1150 / 13)), ("buyers", 13)]


@pytest.mark.xdist_group("money")
def test_every_refund_is_an_order_below_zero_of_its_day(money: Shop) -> None:
    found = query(
        money.published,
        "select o.amount_basis, o.order_id, sold.order_id, o.date_key, o.units, o.net_amount, o.source_net_amount, "
        "o.cost_amount from core.fct_order o join core.fct_order sold on sold.order_key = o.refunded_order_key "
        "order by 1, 2",
    )
    assert found == [
        ("payment", "p13", "charged1", 20240320, 0, -40, -40, None),
        ("payment", "p2", "paid1", 20240212, 0, -100, -100, None),
        ("return", "r1", "whole1", 20240210, -1, -100, -100, -50),
        ("return", "r2", "part1", 20240210, -1, -20, -20, -10),
        ("return", "r3", "both1", 20240210, -1, -30, -30, -15),
        ("return", "r5", "dollar1", 20240210, -1, -45, -50, -27),
    ]
    returned = query(
        money.published, "select return_amount, refund_amount from core.fct_return order by requested_at, 1, 2"
    )
    assert returned == [
        (100, 0),
        (30, 0),
        (30, 30),
        (45, 45),
        (100, 0),
        (100, 100),
        (999, 0),
        (None, 20),
        (20, 0),
    ]


@pytest.mark.xdist_group("money")
def test_late_rates_refunds_and_bad_lines_end_equal_to_a_full_rebuild(money: Shop) -> None:
    """Each changes orders of months without a new one: a rate, a payment back, a line in quarantine, a good line."""
    later = {
        "rates": "CHF,2024-01-05,1.1\n",
        "payments": "p7,header1,2024-03-01 11:00,-20\n",
        "lines": "bare1,1,A,several,5,1\nsaved1,2,A,1,65,35\n",
        "returns": "r8,franc1,1,return,2024-03-02 10:00,1,100\n",
    }
    for table, text in later.items():
        with (money.data / f"{table}.csv").open("a") as handle:
            handle.write(text)
    done = money.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "facts changed months" in done.stdout
    found = query(
        money.published,
        "select order_id, net_amount, is_purchase from core.fct_order where not is_cancelled and order_id in "
        "('franc1', 'r8', 'p7', 'bare1', 'saved1') order by 1",
    )
    assert found == [
        ("bare1", 0, False),
        ("franc1", 550, True),
        ("p7", -20, False),
        ("r8", -110, False),
        ("saved1", 65, True),
    ]
    before = contents(money.published, ("core", "marts"))
    done = money.regulars("refresh", "--full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert difference(before, contents(money.published, ("core", "marts"))) is None
    assert query(money.published, "select sum(net_amount) from core.fct_order where not is_cancelled") == [
        (Decimal(sum(WORTH.values()) + 10 + 550 - 110 - 20 - 5),)
    ]
