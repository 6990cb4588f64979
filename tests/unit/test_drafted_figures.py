"""Drafts of exports that are easily misread: what the data prove is written, what they do not is asked or left out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration.authoring.vocabulary import words
from tests.support.conforming import rows
from tests.support.drafting import Drafts

# Net and gross ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Invoice No,Date,Customer No,Net Amount,VAT,Gross Amount\n1,2024-01-02,a,100.00,20.00,120.00\n", "100"),
        ("N commande;Date;Client;Montant HT;TVA;Montant TTC\n1;2024-01-02;a;50,00;10,00;60,00\n", "50"),
        ("order_id,order_date,customer,amount,tax,total\n1,2024-01-02,a,80.00,8.00,88.00\n", "80"),
        ("order_id,order_date,customer,net total,tax,shipping,gross total\n1,2024-01-02,a,70,7,5,82\n", "70"),
        ("order_id,order_date,customer,Total excl. VAT,VAT\n1,2024-01-02,a,40.00,8.00\n", "40"),
        ("order_id,order_date,customer,Amount incl. VAT,VAT\n1,2024-01-02,a,48.00,8.00\n", "40"),
        ("order_id,order_date,customer_id,net_amount,shipping_amount,tax_amount\n1,2024-01-02,a,30,4,6\n", "30"),
        ("order_id,order_date,customer,amount,shipping,total\n1,2024-01-02,a,20.00,4.00,24.00\n", "20"),
    ],
)  # fmt: skip
def test_tax_and_shipping_come_off_only_amounts_that_hold_them(drafts: Drafts, text: str, total: str) -> None:
    drafts.put("orders.csv", text)
    drafts.init()
    assert drafts.sales() == (Decimal(total), 1)


@pytest.mark.parametrize(("choice", "total"), [(0, "150"), (1, "125")])
def test_whether_an_amount_holds_tax_is_asked(drafts: Drafts, choice: int, total: str) -> None:
    """100 and 50 with 19 and 6 of tax: 150 as they are, 125 without."""
    drafts.put("orders.csv", "order_id,order_date,customer,amount,tax\n1,2024-01-02,a,100,19\n2,2024-01-03,b,50,6\n")
    said = drafts.init()
    assert "amount as it is: 150.00 in all or amount less tax: 125.00 in all?" in said
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


# Reports that are no sales ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Date,Page,Sessions,Users,Bounce rate,Transactions,Revenue\n2024-01-02,/a,100,80,45.2%,1,10.00\n",
        "Campaign name,Day,Impressions,Link clicks,Amount spent (EUR),Purchases\nA,2024-01-02,1000,50,12.30,1\n",
        "Day,Orders,Gross sales,Net sales,Total sales\n2024-01-02,3,100,95,119\n2024-01-03,4,100,95,119\n",
        "Date,Account,Followers,Likes,Orders,Sales\n2024-01-02,acme,1000,50,2,5.00\n",
        "Date,Customer,Number of orders,Revenue\n2024-01-02,acme,2,5.00\n",
        "Invoice No,Invoice Date,Vendor,Net Amount\n1,2024-01-02,V,3000.00\n",
        "Rechnungsnummer;Rechnungsdatum;Lieferant;Nettobetrag\n1;02.01.2024;V;3000,00\n",
        "visit_id,visitor_id,timestamp,page,order_id,revenue\n1,v,2024-01-02 10:00:00,/x,7,10.00\n",
        "visit_id,timestamp,order_id,revenue\n1,2024-01-02,,\n2,2024-01-02,,\n3,2024-01-03,7,10\n",
        "Date,Order,Amount\n2024-01-02,1,10\n2024-01-03,1,11\n2024-01-03,2,12\n2024-01-04,2,12\n",
    ],
)
def test_reports_and_purchases_are_no_sales(drafts: Drafts, text: str) -> None:
    drafts.put("orders.csv", text)
    drafts.init()
    assert not {"sales_order", "order_line", "customer"} & set(drafts.maps())


def test_a_table_left_out_says_why(drafts: Drafts) -> None:
    drafts.put("days.csv", "Day,Orders,Net sales\n2024-01-02,3,95\n")
    assert "days: left out: Orders: counts, so its rows sum up many sales" in drafts.init()


def test_sales_that_name_their_products_supplier_are_sales(drafts: Drafts) -> None:
    drafts.put("orders.csv", "Order,Date,Customer,SKU,Vendor,Qty,Amount\n1,2024-01-02,a,X,V,2,7.00\n")
    drafts.init()
    assert drafts.sales() == (Decimal("7"), 1)


# Headers that mean something elsewhere ------------------------------------------------------------------------------


@pytest.mark.parametrize("quoted", ["${SHOP_PASSWORD}", "$${SHOP_PASSWORD}", "a ${SHOP_PASSWORD} b"])
def test_a_header_reads_no_environment_variable(drafts: Drafts, monkeypatch: pytest.MonkeyPatch, quoted: str) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "secret")
    drafts.put("orders.csv", f"order_id,date,customer,sku,qty,net {quoted}\n1,2024-01-02,a,X,1,9.00\n")
    drafts.init()
    assert drafts.sales() == (Decimal("9"), 1)
    [column] = [c for name, c in drafts.config().sources["shop"].maps["order_line"].columns.items() if "net" in name]
    assert quoted in column
    assert "secret" not in repr(drafts.config())


def test_a_folder_reads_no_environment_variable(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATA", "/nowhere")
    folder = drafts.root / "${SHOP_DATA}"
    folder.mkdir()
    (folder / "orders.csv").write_text("order_id,date,customer,total\n1,2024-01-02,a,9.00\n", encoding="utf-8")
    drafts.init(data=folder)
    assert drafts.sales() == (Decimal("9"), 1)


@pytest.mark.parametrize("header", ["rowid", "net\nvalue", "ROWID"])
def test_headers_that_sql_or_yaml_know(drafts: Drafts, header: str) -> None:
    drafts.put("orders.csv", f'order_id,date,customer,"{header}",total\n1,2024-01-02,a,5,9.00\n')
    drafts.init()
    assert drafts.sales() in {(Decimal("9"), 1), (Decimal("5"), 1)}


# Names, flags and kinds of rows -------------------------------------------------------------------------------------


def test_the_contracts_own_name_wins_over_another_word_for_it(drafts: Drafts) -> None:
    lines = "1,10,tea,2,5.00\n1,11,pot,1,7.00\n2,12,tea,1,5.00\n"
    drafts.put("order_items.csv", f"order_id,item_id,product_id,quantity,price\n{lines}")
    drafts.init()
    assert drafts.maps()["order_line"]["columns"]["product_id"] == "product_id"


@pytest.mark.parametrize(
    ("header", "values"),
    [("cancelled", ("true", "false")), ("is_cancelled", ("1", "0")), ("Storniert", ("ja", "nein")),
     ("cancelled_at", ("2024-01-05", "")), ("canceled on", ("2024-01-05 10:00", ""))],
)  # fmt: skip
def test_flags_and_days_of_cancelling_are_a_status(drafts: Drafts, header: str, values: tuple[str, str]) -> None:
    drafts.put("orders.csv", f"order_id,order_date,customer_id,total,{header}\n"
               f"1,2024-01-02,a,10.00,{values[0]}\n2,2024-01-03,b,20.00,{values[1]}\n")  # fmt: skip
    drafts.init()
    assert drafts.sales() == (Decimal("30"), 2)
    found = rows(drafts.config(), "select order_id, status = 'cancelled' from input.sales_order order by 1")
    assert [(order, bool(flag)) for order, flag in found] == [("1", True), ("2", False)]


@pytest.mark.parametrize(("choice", "total"), [(0, "15"), (1, "25")])
def test_whether_refunds_come_off_is_asked(drafts: Drafts, choice: int, total: str) -> None:
    """20 sold and 5 given back: 15, or 25 if the refund were a sale."""
    drafts.put("orders.csv", "Transaction ID,Date,Customer ID,Type,Amount\n"
               "1,2024-01-02,a,Sale,20.00\n2,2024-01-03,b,Refund,5.00\n")  # fmt: skip
    said = drafts.init()
    assert "refunds come off: 15.00 in all or refunds count as sales: 25.00 in all?" in said
    assert "customer_type" not in drafts.yaml()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


def test_refunds_that_are_negative_already_are_not_asked_of(drafts: Drafts) -> None:
    drafts.put("orders.csv", "Order,Date,Customer,Kind,SKU,Qty,Amount\n"
               "1,2024-01-02,a,sale,X,1,20.00\n1,2024-01-03,a,return,X,-1,-5.00\n")  # fmt: skip
    drafts.init()
    assert drafts.sales() == (Decimal("15"), 1)


def test_values_that_are_not_allowed_fill_no_column_of_allowed_values(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,date,customer_id,Customer type,total\n1,2024-01-02,a,new,9\n")
    said = drafts.init()
    assert "customer_type" not in drafts.yaml()
    assert "not used: Customer type" in said
    assert drafts.sales() == (Decimal("9"), 1)


# Discounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("discounts", "choice", "total"),
    [(("10%", ""), 1, "28"), (("10%", ""), 0, "30"), (("0.25", "0"), 2, "25"), (("0.25", "0"), 1, "29.75")],
)
def test_a_discount_that_is_a_share_is_asked_of(
    drafts: Drafts, discounts: tuple[str, str], choice: int, total: str
) -> None:
    """Two at 10 and one at 10: 30; 10 % off the first line is 28, 25 % is 25, 25 cents is 29.75."""
    drafts.put("sales.csv", "Order,Date,Customer,SKU,Qty,Price,Discount\n"
               f"A1,2024-01-01,a,X,2,10.00,{discounts[0]}\nA1,2024-01-01,a,Y,1,10.00,{discounts[1]}\n")  # fmt: skip
    assert "Discount is off already: 30.00 in all" in drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 1)


@pytest.mark.parametrize(("discount", "total"), [("10%", "27"), ("0.5", "15")])
def test_a_share_that_the_orders_totals_prove_comes_off(drafts: Drafts, discount: str, total: str) -> None:
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Price,Discount,Order Total\n"
        f"A1,2024-01-01,a,X,2,10.00,{discount},{total}\nA1,2024-01-01,a,Y,1,10.00,{discount},{total}\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal(total), 1)


@pytest.mark.parametrize(
    ("name", "terms"),
    [("N° commande", {"id", "order"}), ("Nº pedido", {"id", "order"}), ("Art.-Nr.", {"product", "id"}),
     ("Réf. article", {"id", "product"}), ("Positionssumme", {"net", "amount"}), ("Correo electrónico", {"email"}),
     ("买家会员名", {"customer", "name"}), ("N. Revenue", {"n", "net", "amount"})],
)  # fmt: skip
def test_words_of_german_french_spanish_and_chinese_exports(name: str, terms: set[str]) -> None:
    assert set(words(name)) == terms


@pytest.mark.parametrize("header", ["amount_cents", "total_cents", "amount_minor"])
def test_amounts_in_hundredths_are_divided(drafts: Drafts, header: str) -> None:
    drafts.put("orders.csv", f"order_id,order_date,customer_id,{header}\n1,2024-01-02,a,1250\n2,2024-01-03,b,99\n")
    drafts.init()
    assert "is in hundredths by its name" in drafts.yaml()
    assert drafts.sales() == (Decimal("13.49"), 2)


def test_several_currencies_are_said(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,order_date,customer_id,total\n1,2024-01-02,a,€10.00\n2,2024-01-03,b,$9.00\n")
    assert "total: amounts in several currencies: $, €; map currency and exchange_rate" in drafts.init()
