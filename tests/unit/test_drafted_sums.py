"""Drafts against rows that repeat what others say, lines that are no sale any more, and figures that disagree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from openpyxl import Workbook

from orchestration.authoring.profile import Profile
from orchestration.config.questions import open_questions
from orchestration.platform.errors import ConfigError
from tests.support.conforming import load_and_conform, rows
from tests.support.drafting import Drafts

LINES = "Order,Date,Customer,SKU,Qty,Amount\n"

# Rows that sum up others --------------------------------------------------------------------------------------------


ORDER_1, ORDER_2 = "1,2024-01-05,a,X,1,10\n1,2024-01-05,a,Y,2,5\n", "2,2024-01-06,b,X,1,12.5\n"
HEADS = "order_id,order_date,customer_id,total\n1,2024-01-05,a,15\n2,2024-01-06,b,12.5\n"
GERMAN, CHINESE = "Beleg,Datum,Kunde,Artikel,Menge,Betrag\n", "订单号,下单时间,客户,商品,数量,金额\n"
FRENCH = "N commande,Date,Client,Article,Quantité,Montant\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{LINES}{ORDER_1}Total,,,,,15\n{ORDER_2}Total,,,,,12.5\n",
        f"{LINES}{ORDER_1},,,,3,15\n{ORDER_2},,,,1,12.5\n",
        f"{LINES}{ORDER_1}1,2024-01-05,a,,,15\n{ORDER_2}",
        f"{LINES}{ORDER_1}{ORDER_2}Grand total:,,,,4,27.5\n",
        f"{LINES}{ORDER_1}1 Total,,,,,15\n{ORDER_2}2 Total,,,,,12.5\nGrand Total,,,,,27.5\n",
        f"{GERMAN}{ORDER_1}1,2024-01-05,a,Zwischensumme,,15\n{ORDER_2}2,2024-01-06,b,Zwischensumme,,12.5\n"
        ",,,Gesamtsumme,,27.5\n",
        f"{CHINESE}{ORDER_1}小计,,,,,15\n{ORDER_2}合计：,,,,,27.5\n",
        f"{FRENCH}{ORDER_1}Sous-total,,,,,15\n{ORDER_2}Total général,,,,,27.5\n",
        f"{HEADS}Total,,,27.5\n",
        f"{HEADS},,,27.5\n",
    ],
)
def test_rows_that_sum_up_others_are_no_sales(drafts: Drafts, text: str) -> None:
    """Order 1 is 10 and 5, order 2 is 12.50: 27.50, whatever totals stand between them."""
    drafts.put("sales.csv", text)
    assert "left out" in drafts.init()
    assert drafts.sales() == (Decimal("27.5"), 2)


@pytest.mark.parametrize(("choice", "total"), [(0, "27.5"), (1, "59.35")])
def test_totals_that_are_no_sum_are_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """10 and 5 with a total of 17.85, which holds tax; 10 and 2.50 with one of 14."""
    body = "1,2024-01-05,a,X,1,10\n1,2024-01-05,a,Y,2,5\n1,2024-01-05,a,Total,3,17.85\n"
    body += "2,2024-01-06,b,X,1,10\n2,2024-01-06,b,Z,1,2.5\n2,2024-01-06,b,Total,2,14\n"
    drafts.put("sales.csv", LINES + body)
    said = drafts.init()
    assert "rows that say they are totals (“Total”) are left out: Amount 27.50 in all" in said
    with pytest.raises(ConfigError, match=r"line \d+ \(order_line.where\): the question is open"):
        load_and_conform(drafts.config())
    drafts.answer("where", choice)
    assert drafts.sales() == (Decimal(total), 2)


@pytest.mark.parametrize("foot", ["Total,,,,3,17.85", "Summe:,,,,,17.85", ",,,Total,3,17.85", "Total,,,,,"])
def test_a_total_that_names_no_order_or_day_is_no_sale_whatever_it_says(drafts: Drafts, foot: str) -> None:
    """10 and 5, and a foot with tax and postage in it, or with nothing."""
    drafts.put("sales.csv", f"{LINES}1,2024-01-05,a,X,1,10\n2,2024-01-06,a,Y,2,5\n{foot}\n")
    assert "left out" in drafts.init()
    assert drafts.sales() == (Decimal("15"), 2)


def test_a_running_total_is_no_amount(drafts: Drafts) -> None:
    body = "1,2024-01-05,a,X,1,10,10\n2,2024-01-06,a,Y,2,5,15\n"
    drafts.put("sales.csv", f"Order,Date,Customer,SKU,Qty,Amount,Running total\n{body}")
    drafts.init()
    assert drafts.sales() == (Decimal("15"), 2)


def test_a_product_that_is_called_total_is_a_product(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv", LINES + "1,2024-01-05,a,Total 5W30,1,10\n1,2024-01-05,a,Y,2,5\n2,2024-01-06,Total,X,1,12.5\n"
    )
    assert "question" not in drafts.init()
    assert drafts.sales() == (Decimal("27.5"), 2)


def test_postage_without_a_product_is_no_total(drafts: Drafts) -> None:
    """Two orders of 10 and 7.50 with 4.90 of postage each on a line without a product: 27.30."""
    body = "1,2024-01-05,a,X,1,10\n1,2024-01-05,a,,1,4.90\n2,2024-01-06,b,Y,1,7.5\n2,2024-01-06,b,,1,4.90\n"
    drafts.put("sales.csv", LINES + body)
    drafts.init()
    assert drafts.sales() == (Decimal("27.3"), 2)


def test_a_till_that_writes_the_sale_above_its_lines(drafts: Drafts) -> None:
    """Lines of 20, 15 and 10 before tax; each sale repeats its sum, with tax 49.50."""
    drafts.put(
        "sales.csv",
        "Date,Receipt Number,Line Type,Customer Code,Quantity,Subtotal,Sales Tax,Total,Paid,Sku\n"
        "2024-01-05 10:00:00,101,Sale,C1,3,35.00,3.50,38.50,38.50,\n"
        "2024-01-05 10:00:00,101,Sale Line,C1,2,20.00,2.00,22.00,,M1\n"
        "2024-01-05 10:00:00,101,Sale Line,C1,1,15.00,1.50,16.50,,P1\n"
        "2024-01-05 10:00:00,101,Payment,C1,,,,38.50,38.50,\n"
        "2024-01-06 10:00:00,102,Sale,C2,1,10.00,1.00,11.00,11.00,\n"
        "2024-01-06 10:00:00,102,Sale Line,C2,1,10.00,1.00,11.00,,M1\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("45"), 2)


# Lines that are cancelled -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "flags"),
    [("Status", ("shipped", "cancelled")), ("Positionsstatus", ("versendet", "storniert")),
     ("Storniert", ("nein", "ja")), ("Item status", ("fulfilled", "refunded"))],
)  # fmt: skip
def test_a_cancelled_line_is_no_sale_and_cancels_no_order(drafts: Drafts, header: str, flags: tuple[str, str]) -> None:
    """Of order 1 a line of 5 is cancelled, of order 2 both lines are: 10, 12.50 of a cancelled order, 7."""
    good, bad = flags
    drafts.put(
        "sales.csv",
        f"Order,Date,Customer,SKU,Qty,Amount,{header}\n1,2024-01-05,a,X,1,10,{good}\n1,2024-01-05,a,Y,2,5,{bad}\n"
        f"2,2024-01-06,b,X,1,10,{bad}\n2,2024-01-06,b,Z,1,2.5,{bad}\n3,2024-01-06,b,X,1,7,{good}\n",
    )
    assert "1 lines are cancelled" in drafts.init()
    assert drafts.sales() == (Decimal("29.5"), 3)
    found = rows(drafts.config(), "select order_id, status = 'cancelled' from input.sales_order order by 1")
    assert [(order, bool(flag)) for order, flag in found] == [("1", False), ("2", True), ("3", False)]


def test_the_state_of_a_line_beside_that_of_its_order(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,Order Status,SKU,Qty,Amount,Line status\n1,2024-01-05,a,shipped,X,1,10,shipped\n"
        "1,2024-01-05,a,shipped,Y,2,5,cancelled\n2,2024-01-06,b,cancelled,Z,1,2.5,cancelled\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("12.5"), 2)


def test_cancelled_lines_whose_orders_are_another_table(drafts: Drafts) -> None:
    lines = "1,1,A,1,3.50,shipped\n1,2,B,1,4.50,cancelled\n2,1,B,1,4.50,cancelled\n"
    drafts.put("order_items.csv", f"order_id,line,sku,quantity,amount,status\n{lines}")
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\n1,K1,2024-01-05,3.50\n2,K1,2024-01-05,0\n")
    drafts.init()
    assert drafts.sales() == (Decimal("3.5"), 2)


# What was refunded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "back"), [(0, "-2"), (1, None)])
def test_whether_a_refund_is_off_an_amount_is_asked(drafts: Drafts, choice: int, back: str | None) -> None:
    """9 sold and 2 refunded: 7, or 9 if the 9 is what is left."""
    drafts.put("orders.csv", "order_id,date,customer_id,total,refund amount\n1,2024-01-02,a,9,2\n2,2024-01-03,a,5,\n")
    said = drafts.init()
    assert "refund amount still comes off: 12.00 in all or refund amount is off already: 14.00 in all?" in said
    drafts.answer("where", choice)
    assert drafts.sales() == (Decimal("14"), 2)
    found = rows(drafts.config(), "select min(amount) from input.payment")
    assert found == [(Decimal(back) if back else None,)]


@pytest.mark.parametrize(
    ("header", "day"), [("Erstattet", ""), ("Total Refunded", ""), ("amount refunded", "2024-02-01")]
)
def test_refunds_of_orders_come_off_as_payments(drafts: Drafts, header: str, day: str) -> None:
    """Order 2 went back as a whole, so that 8 is what it was; of order 1 went back 2, of which its own day is known."""
    drafts.put(
        "orders.csv",
        f"order_id,date,customer_id,total,{header},refunded at\n1,2024-01-02,a,9,2,{day}\n"
        "2,2024-01-03,a,8,8,\n3,2024-01-04,b,7,0,\n",
    )
    assert f"{header}: 2 refunds of 10.00 come off as payment" in drafts.init()
    assert drafts.sales() == (Decimal("24"), 3)
    found = rows(drafts.config(), "select order_id, amount, paid_on from input.payment order by 1, 2")
    assert found == [
        ("1", Decimal("-2"), dt.date.fromisoformat(day or "2024-01-02")), ("1", Decimal("9"), dt.date(2024, 1, 2)),
        ("2", Decimal("-8"), dt.date(2024, 1, 3)), ("2", Decimal("8"), dt.date(2024, 1, 3)),
    ]  # fmt: skip


def test_refunds_of_lines_are_returns(drafts: Drafts) -> None:
    """2 at 5 is 10, so the 10 is from before the 5 went back."""
    drafts.put(
        "sales.csv",
        "order_id,date,customer_id,sku,qty,price,amount,amount_refunded\n1,2024-01-02,a,X,2,5,10,5\n"
        "1,2024-01-02,a,Y,1,5,5,0\n2,2024-01-03,a,X,1,5,5,0\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("20"), 2)
    found = rows(drafts.config(), "select order_id, line_no, product_id, amount from input.product_return")
    assert found == [("1", 1, "X", Decimal("5"))]


def test_a_partial_refund_of_a_known_form_comes_off(drafts: Drafts) -> None:
    drafts.put(
        "orders_export.csv",
        "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,"
        "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount\n"
        "#1,a@x.test,partially_refunded,USD,30.00,5.00,2.00,37.00,0,2024-01-05 10:00:00 -0500,3,Mug,10.00,M,11.00\n"
        "#2,b@x.test,paid,USD,10.00,5.00,1.00,16.00,0,2024-01-06 10:00:00 -0500,1,Mug,10.00,M,0.00\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("40"), 2)
    found = rows(drafts.config(), "select order_id, amount from input.payment order by 2")
    assert found == [("#1", Decimal("-11")), ("#1", Decimal("37"))]


# Lines and orders that disagree -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "total"), [(0, "800"), (1, "500")])
def test_lines_and_orders_of_two_tables_that_disagree_are_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """Lines of 300, 200 and 300; orders of 300 and 200."""
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,300\n1,2,B,1,200\n2,1,B,1,300\n")
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\n1,K1,2024-01-05,300\n2,K1,2024-01-05,200\n")
    said = drafts.init()
    assert "800.00 in all or each line's share of what orders says: 500.00 in all?" in said
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


@pytest.mark.parametrize(("choice", "total"), [(0, "40"), (1, "30")])
def test_lines_and_orders_of_one_table_that_disagree_are_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """Lines of 20, 10 and 10; orders of 18 and 12."""
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Line Total,Order Total\n1,2024-01-05,a,X,2,20,18\n1,2024-01-05,a,Y,2,10,18\n"
        "2,2024-01-06,b,X,1,10,12\n",
    )
    drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)
    if choice:  # 18 on lines of 20 and 10: 12 and 6
        found = rows(drafts.config(), "select net_amount from input.order_line where order_id = '1' order by line_no")
        assert found == [(Decimal("12"),), (Decimal("6"),)]


def test_lines_prove_that_tax_is_in_the_orders_amounts(drafts: Drafts) -> None:
    """Lines of 500 and 300; orders of 595 and 357 with tax of 95 and 57: nothing is left to ask."""
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,300\n1,2,B,1,200\n2,1,B,1,300\n")
    drafts.put(
        "orders.csv", "order_id,customer_id,order_date,amount,tax\n1,K1,2024-01-05,595,95\n2,K1,2024-01-05,357,57\n"
    )
    assert "question" not in drafts.init()
    assert drafts.sales() == (Decimal("800"), 2)
    assert rows(drafts.config(), "select sum(net_amount) from input.sales_order") == [(Decimal("800"),)]


def test_orders_of_another_table_prove_that_a_discount_comes_off(drafts: Drafts) -> None:
    """2 at 100 less 10, 200, and 300 less 50: 390 and 250; the orders say 395 and 255 with 5 of shipping."""
    drafts.put(
        "order_items.csv", "order_id,line,sku,quantity,price,discount\n1,1,A,2,100,10\n1,2,B,1,200,0\n2,1,B,1,300,50\n"
    )
    drafts.put(
        "orders.csv", "order_id,customer_id,order_date,total,shipping\n1,K1,2024-01-05,395,5\n2,K1,2024-01-05,255,5\n"
    )
    assert "question" not in drafts.init()
    assert drafts.sales() == (Decimal("640"), 2)


def test_orders_that_no_line_belongs_to_are_said(drafts: Drafts) -> None:
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,300\n1,2,B,1,200\n")
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\nR-1,K1,2024-01-05,500\nR-2,K1,2024-01-05,2\n")
    assert "order_items: none of its orders is in orders" in drafts.init()


# Discounts beside a line's own amount -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discounts", "amounts"),
    [(("3", "0", "1"), ("17", "10", "9")), (("-3", "0", "-1"), ("17", "10", "9")),
     (("0.15", "0", "0.1"), ("17", "10", "9")), (("15%", "0%", "10%"), ("17", "10", "9")),
     (("1.5", "0", "1"), ("17", "10", "9"))],
)  # fmt: skip
def test_a_discount_that_is_off_already_comes_off_once(
    drafts: Drafts, discounts: tuple[str, ...], amounts: tuple[str, ...]
) -> None:
    """2 at 10 less 3 (below zero, as a share, or 1.50 a piece), 2 at 5, 1 at 10 less 1: 36."""
    lines = zip(
        (("1", "a", "X", "2", "10"), ("1", "a", "Y", "2", "5"), ("2", "b", "X", "1", "10")),
        discounts,
        amounts,
        strict=True,
    )
    body = "".join(f"{o},2024-01-0{o},{c},{s},{q},{p},{d},{a}\n" for (o, c, s, q, p), d, a in lines)
    drafts.put("sales.csv", f"Order,Date,Customer,SKU,Qty,Price,Discount,Line Total\n{body}")
    assert "question" not in drafts.init()
    assert drafts.sales() == (Decimal("36"), 2)


@pytest.mark.parametrize(("choice", "total"), [(0, "40"), (1, "36")])
def test_a_discount_beside_amounts_before_it_is_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """2 at 10 and 2 at 5 and 1 at 10 are 40; 3 and 1 may still come off."""
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Price,Discount,Line Total\n1,2024-01-05,a,X,2,10,3,20\n1,2024-01-05,a,Y,2,5,0,10\n"
        "2,2024-01-06,b,X,1,10,1,10\n",
    )
    assert "Discount is off already: 40.00 in all or Discount still comes off each line: 36.00 in all?" in drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


def test_the_orders_totals_prove_that_a_discount_comes_off_a_lines_amount(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Price,Discount,Line Total,Order Total\n1,2024-01-05,a,X,2,10,3,20,27\n"
        "1,2024-01-05,a,Y,2,5,0,10,27\n2,2024-01-06,b,X,1,10,1,10,9\n",
    )
    assert "question" not in drafts.init()
    assert drafts.sales() == (Decimal("36"), 2)


@pytest.mark.parametrize(("choice", "total"), [(0, "60"), (1, "58")])
def test_a_discount_beside_an_orders_goods_is_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    drafts.put(
        "orders.csv", "order_id,order_date,customer,subtotal,discount\n1,2024-01-02,a,40,0\n2,2024-01-03,b,20,2\n"
    )
    drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


@pytest.mark.parametrize(("choice", "total"), [(0, "30"), (1, "20"), (2, "25")])
def test_a_discount_of_the_whole_order_comes_off_by_its_total(drafts: Drafts, choice: int, total: str) -> None:
    """Two lines of 10 with 5 off their order, written on each, and one of 10: 25 by the orders' totals."""
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Price,Line Total,Discount,Order Total\n1,2024-01-05,a,X,1,10,10,5,15\n"
        "1,2024-01-05,a,Y,2,5,10,5,15\n2,2024-01-06,b,X,1,10,10,0,10\n",
    )
    drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


# Prices and taxes of lines ------------------------------------------------------------------------------------------


def test_an_amount_that_no_quantity_changes_is_a_price(drafts: Drafts) -> None:
    """Mugs at 10 (2 and 3 of them) and a pot at 25.50: 75.50; the column is called a value."""
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Value\n1,2024-01-05,a,MUG,2,10.00\n1,2024-01-05,a,POT,1,25.50\n2,2024-01-06,b,MUG,3,10.00\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("75.5"), 2)


def test_rates_of_tax_are_no_amounts(drafts: Drafts) -> None:
    lines = "A1,2024-01-05,K1,X,2,20.00,19\nA1,2024-01-05,K1,Y,1,7.50,7\nA2,2024-01-06,K2,Z,1,30.00,19\n"
    drafts.put("sales.csv", f"Auftragsnummer,Auftragsdatum,Kundennummer,Artikelnummer,Menge,Betrag,MwSt.\n{lines}")
    drafts.init()
    assert drafts.sales() == (Decimal("57.5"), 2)
    assert "tax_amount" not in drafts.yaml()


# Tables that belong together ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "total"), [(0, "266"), (2, "251.3")])
def test_orders_without_amounts_and_their_details(drafts: Drafts, choice: int, total: str) -> None:
    """12 at 14 and 10 at 9.80 of which 15 % come off: 168 and 98, or 83.30 of it."""
    drafts.put(
        "order_details.csv", "OrderID,ProductID,UnitPrice,Quantity,Discount\n10248,11,14,12,0\n10250,42,9.8,10,0.15\n"
    )
    drafts.put(
        "orders.csv",
        "OrderID,CustomerID,EmployeeID,OrderDate,ShippedDate,Freight,ShipCountry\n"
        "10248,VINET,5,1996-07-04,1996-07-16,32.38,France\n10250,HANAR,4,1996-07-08,1996-07-12,65.83,Brazil\n",
    )
    drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)
    assert rows(drafts.config(), "select sum(shipping_amount) from input.sales_order") == [(Decimal("98.21"),)]


def test_orders_that_are_worth_nothing_are_left_out(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,city\n1,K1,2024-01-05,Ulm\n2,K1,2024-01-05,Ulm\n")
    assert "orders without amounts and without lines: left out" in drafts.init()
    assert "sales_order" not in drafts.maps()


def book(path: Path, change: Callable[[Workbook], None] | None = None) -> None:
    """A workbook of one sale of 12.50."""
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    for row in (["Order", "Date", "Customer", "SKU", "Qty", "Amount"], ["3", "2024-03-05", "a", "X", 1, 12.5]):
        sheet.append(row)
    if change is not None:
        change(made)
    path.parent.mkdir(exist_ok=True)
    made.save(path)


def test_files_of_two_kinds_with_one_header_are_not_two_shops(drafts: Drafts) -> None:
    drafts.put("sales_jan.csv", LINES + "1,2024-01-05,a,X,1,10.50\n")
    drafts.put("sales_feb.csv", LINES + "2,2024-02-05,a,X,1,11.50\n")
    book(drafts.root / "exports" / "sales_mar.xlsx")
    said = drafts.init()
    assert "sales_mar (excel) has the columns of sales (csv): left out" in said
    assert set(drafts.config().sources) == {"shop"}
    assert "# sales_mar (excel) has the columns" in drafts.yaml()
    assert drafts.sales() == (Decimal("22"), 2)


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets_are_said_and_no_data(drafts: Drafts, state: str) -> None:
    def hide(made: Workbook) -> None:
        sheet = made.create_sheet("Archive")
        sheet.append(["Order", "Date", "Customer", "SKU", "Qty", "Amount"])
        sheet.append(["2", "2023-03-05", "b", "X", 1, 99])
        sheet.sheet_state = state

    book(drafts.root / "exports" / "sales.xlsx", hide)
    assert "sheet Archive is hidden: left out" in drafts.init()
    assert drafts.sales() == (Decimal("12.5"), 1)


def test_hidden_rows_are_read_and_said(drafts: Drafts) -> None:
    def hide(made: Workbook) -> None:
        sheet = made.active
        assert sheet is not None
        sheet.append(["4", "2024-03-06", "b", "X", 1, 7.5])
        sheet.row_dimensions[3].hidden = True

    book(drafts.root / "exports" / "sales.xlsx", hide)
    assert "1 rows that are hidden in the workbook are read like the others" in drafts.init()
    assert drafts.sales() == (Decimal("20"), 2)


# Settings, questions and speed --------------------------------------------------------------------------------------


def test_what_is_assumed_is_said_where_it_stands(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\n1,1,2024-01-05,3.50\n")
    assert "currency EUR: assumed, nothing in the data names it" in drafts.init()
    written = (drafts.root / "companies" / "drafted" / "company.yml").read_text(encoding="utf-8")
    assert "currency: EUR      # ASSUMED" in written
    assert "timezone: UTC      # ASSUMED" in written
    assert "timezone: UTC      # ASSUMED" in drafts.yaml()


def test_a_form_that_is_of_one_country_says_its_currency_and_zone(drafts: Drafts) -> None:
    drafts.put(
        "olist_orders_dataset.csv",
        "order_id,customer_id,order_status,order_purchase_timestamp\no,c,shipped,2018-01-05 10:00:00\n",
    )
    drafts.put(
        "olist_order_items_dataset.csv",
        "order_id,order_item_id,product_id,seller_id,price,freight_value\no,1,p,s,5.50,2\n",
    )
    drafts.init()
    company = drafts.config().company
    assert (company.currency, company.timezone) == ("BRL", "America/Sao_Paulo")
    assert "ASSUMED" not in drafts.yaml()


@pytest.mark.parametrize(
    ("text", "key"),
    [("order_id,customer_id,ordered_at,total\n1,a,2024-01-05,1.250\n", "sales_order.net_amount"),
     ("Order,Date,Customer,SKU,Qty,Amount\n1,03/04/2024,a,X,1,3.50\n", "sales_order.ordered_at"),
     ("Order Number,Order Status,Order Date,Order Total Amount,SKU,Item Name,Quantity (- Refund),Item Cost\n"
      "1,completed,03/04/2024,10.00,A,Mug,1,10.00\n", "sales_order.from")],
)  # fmt: skip
def test_a_refused_question_names_its_line(drafts: Drafts, text: str, key: str) -> None:
    drafts.put("orders.csv", text)
    said = drafts.init()
    path = drafts.root / "companies" / "drafted" / "sources" / "shop.yml"
    [line, *_] = [q.line for q in open_questions(path) if f"{q.entity}.{q.key}" == key]
    assert "QUESTION" in path.read_text(encoding="utf-8").splitlines()[line - 1]
    assert f"shop.yml, line {line}: {key.removesuffix('.from')}: " in said
    with pytest.raises(ConfigError, match=rf"shop\.yml, line {line} \({key}\)"):
        load_and_conform(drafts.config())


def test_answered_questions_are_open_no_more(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,ordered_at,total\n1,a,2024-01-05,1.250\n")
    drafts.init()
    path = drafts.root / "companies" / "drafted" / "sources" / "shop.yml"
    assert len(open_questions(path)) == 1
    drafts.answer("net_amount", 0)
    assert open_questions(path) == []


def test_columns_that_nothing_is_named_after_cost_no_query(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of three hundred columns is drafted by as many queries as one of thirty."""
    asked: list[str] = []
    plain = Profile.all

    def counted(self: Profile, sql: str) -> list[tuple[object, ...]]:
        asked.append(sql)
        return plain(self, sql)

    monkeypatch.setattr(Profile, "all", counted)
    counts = []
    for width in (30, 300):
        extra = ",".join(f"Attr {i}" for i in range(width))
        cells = ",".join(f"v{i}" for i in range(width))
        drafts.put("sales.csv", f"Order,Date,Customer,SKU,Qty,Amount,{extra}\n1,2024-01-05,a,X,1,10,{cells}\n")
        asked.clear()
        drafts.init()
        counts.append(len(asked))
        (drafts.root / "companies" / "drafted").rename(drafts.root / f"wide_{width}")
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("choice", "total"), [(0, "15"), (1, "20")])
def test_refunds_of_lines_without_a_day_are_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """Lines of 12 and 8 of which 5 went back; their orders have no amounts of their own."""
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount,amount refunded\n1,1,A,1,12,5\n1,2,B,1,8,\n")
    drafts.put("orders.csv", "order_id,customer_id,order_date\n1,K1,2024-01-05\n")
    drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 1)


def test_orders_that_repeat_on_the_lines_of_one_table_and_lines_of_another(drafts: Drafts) -> None:
    """Orders of 30 and 12 on their shipments, three of them, and their lines of 18, 12 and 12."""
    drafts.put(
        "orders.csv",
        "order_id,customer_id,order_date,parcel,order total\n1,K1,2024-01-05,P1,30\n"
        "1,K1,2024-01-05,P2,30\n2,K2,2024-01-06,P3,12\n",
    )
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,18\n1,2,B,1,12\n2,1,B,1,12\n")
    drafts.init()
    assert drafts.sales() == (Decimal("42"), 2)


@pytest.mark.parametrize("unit", [1, 1000])
def test_whole_numbers_of_a_typed_source_may_count_since_1970(drafts: Drafts, unit: int) -> None:
    (drafts.root / "exports").mkdir()
    with duckdb.connect() as con:
        con.execute(
            f"copy (select 'O' || i as order_id, 'C1' as customer_id, (1704492900 + i * 86400) * {unit} as created_at, "
            f"i * 1.5 as total from range(1, 5) t(i)) to '{drafts.root / 'exports' / 'orders.parquet'}'"
        )
    drafts.init()
    assert drafts.sales() == (Decimal("15"), 4)
    found = rows(drafts.config(), "select min(ordered_on) from input.sales_order")
    assert found == [(dt.date(2024, 1, 6),)]
