"""Drafted maps: what the data prove is written, what they do not prove is asked, what resembles nothing is left out."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from typer.testing import CliRunner

from orchestration.authoring.dates import written
from orchestration.authoring.forms import FOLDER, PLACE, ExportForm, catalogue, column_of
from orchestration.authoring.likeness import alike_entities, likeness
from orchestration.authoring.naming import expression, table_name
from orchestration.authoring.numbers import Evidence, Form, bare, forms_of, judge
from orchestration.authoring.scan import glob_of
from orchestration.authoring.vocabulary import words
from orchestration.cli.console import Called, as_called, command_name
from orchestration.cli.main import app
from orchestration.config.company import Formats, load_company
from orchestration.config.contracts import Column, load_contracts
from orchestration.conform.casting import typed
from orchestration.conform.times import Zones
from orchestration.platform.errors import ConfigError, RegularsError, UsageError
from orchestration.platform.yaml_model import read_yaml
from tests.support.conforming import load_and_conform, rows
from tests.support.drafting import Drafts
from tests.support.systems import connector_of

# Words and entities ------------------------------------------------------------------------------------------------


def test_one_column_in_common_makes_no_entity() -> None:
    assert alike_entities("readings", {"id": ["1"], "volt": ["3"], "lot": ["x"]}, load_contracts()) == []
    [found, *_] = alike_entities("stores", {"id": ["1"], "volt": ["3"], "lot": ["x"]}, load_contracts())
    assert found.entity == "store"


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("CustNo", {"customer", "id"}), ("Geburtstag", {"birth", "date"}), ("e-mail", {"email"}),
        ("Bestellnummer", {"order", "id"}), ("Kundennummer", {"customer", "id"}), ("Rechnungsdatum", {"order", "at"}),
        ("Artikelnummer", {"product", "id"}), ("Betrag", {"net", "amount"}), ("Menge", {"quantity"}),
        ("Numéro de commande", {"order", "id"}), ("Quantité", {"quantity"}), ("Montant", {"net", "amount"}),
        ("Fecha", {"at"}), ("Cantidad", {"quantity"}), ("Importe", {"net", "amount"}), ("Cliente", {"customer"}),
        ("订单号", {"order", "id"}), ("客户", {"customer"}), ("数量", {"quantity"}), ("金额", {"net", "amount"}),
        ("下单时间", {"order", "at"}),
    ],
)  # fmt: skip
def test_names_in_the_terms_of_the_contracts(name: str, terms: set[str]) -> None:
    assert set(words(name)) == terms


SAMPLES = {
    "KundenNr": ["007", "8"], "Vorname": ["Jörg", "Zoë"], "Nachname": ["Müller", "Lang"],
    "E-Mail": ["a@b.de", "c@d.de"],
    "Geburtstag": ["01.02.1980", ""], "Telefon": ["0221 123456", "+49 30 999"], "Bemerkung": ["nett", ""],
}  # fmt: skip


def test_a_table_of_customers_in_another_language() -> None:
    [found, *_] = alike_entities("kunden", SAMPLES, load_contracts())
    assert found.entity == "customer"
    assert found.columns == {
        "customer_id": "KundenNr", "given_name": "Vorname", "family_name": "Nachname", "birth_date": "Geburtstag",
        "email": "E-Mail", "phone": "Telefon",
    }  # fmt: skip
    assert found.left_over == ("Bemerkung",)


@pytest.mark.parametrize(
    ("found", "name"),
    [("Umsätze 2025", "umsatze_2025"), ("orders", "orders"), ("order", "t_order"), ("2024", "t_2024"), ("訂單", "t")],
)
def test_names_of_files_become_names_of_tables(found: str, name: str) -> None:
    assert table_name(found, set()) == name
    assert table_name(found, {name}) == f"{name}_2"


def test_columns_that_are_words_of_sql_are_quoted() -> None:
    assert [expression(name) for name in ("order", "order_no", "E-Mail", "Name")] == [
        '"order"', "order_no", '"E-Mail"', '"Name"',
    ]  # fmt: skip


def test_content_overrules_a_name() -> None:
    """A column called mail that holds numbers is no address."""
    found = likeness("customers", {"id": ["1"], "mail": ["17", "18"]}, load_contracts()["customer"])
    assert found.columns == {"customer_id": "id"}


# How values are written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formats", "kind", "value", "expected"),
    [
        ({"decimal": ",", "thousands": "."}, "money", "1.234,50", "1234.5000"),
        ({"decimal": ",", "thousands": "."}, "money", "-12,5", "-12.5000"),
        ({"decimal": ",", "thousands": "."}, "money", "1.5", None),  # a point between thousands only
        ({"decimal": ",", "thousands": "."}, "money", "0.250", None),  # a quarter, written another way
        ({"decimal": ",", "thousands": "."}, "integer", "-0.999", None),
        ({"decimal": ",", "thousands": "."}, "money", "012.500,00", None),
        ({"decimal": ",", "thousands": "."}, "money", "0", "0.0000"),
        ({"decimal": ",", "thousands": "."}, "money", "0,5", "0.5000"),
        ({"decimal": ",", "thousands": "."}, "integer", "00042", "42"),
        ({"decimal": ",", "thousands": "."}, "integer", "100.250", "100250"),
        ({"thousands": ","}, "money", "0,250", None),
        ({"thousands": " "}, "money", "0 250", None),
        ({"thousands": "'"}, "integer", "000'250", None),
        ({"decimal": ","}, "number", "1,5", "1.5"),
        ({"thousands": ","}, "integer", "1,234,567", "1234567"),
        ({"thousands": ","}, "integer", "1,23", None),
        ({"thousands": " "}, "money", "12 345.67", "12345.6700"),
        ({}, "money", "1234.5", "1234.5000"),
        ({"date": ["%d.%m.%Y"]}, "date", "31.12.2024", "2024-12-31"),
        ({"date": ["%d.%m.%Y"]}, "date", "12/31/2024", None),
        ({"date": ["%d.%m.%Y"]}, "timestamp", "31.12.2024", "2024-12-31 00:00:00"),
        ({"date": ["%d.%m.%Y"]}, "timestamp", "2024-12-31 10:00", "2024-12-31 10:00:00"),
        ({"timestamp": ["%m/%d/%Y %H:%M", "%m/%d/%Y"]}, "timestamp", "12/31/2024", "2024-12-31 00:00:00"),
        ({"decimal": ","}, "text", "1,5", "1,5"),
    ],
)
def test_text_is_read_as_its_source_writes_it(
    formats: dict[str, object], kind: str, value: str, expected: str | None
) -> None:
    spec = Column.model_validate({"type": kind, "description": "any"})
    sql = typed("$1::varchar", "VARCHAR", spec, Zones("UTC", "UTC"), Formats.model_validate(formats))
    with duckdb.connect() as con:
        assert con.execute(f"select ({sql})::varchar", [value]).fetchone() == (expected,)


def evidence(*values: str) -> Evidence:
    found = Evidence()
    for value in values:
        text = bare(value, found)
        if text is not None:
            found.numbers += 1
            judge(text.lstrip("+-"), 1, found)
    return found


@pytest.mark.parametrize(
    ("values", "forms"),
    [
        (["0,250", "12,000"], [Form(",")]),  # a group that begins with zero is no group of thousands
        (["12,50", "1.234"], [Form(",", ".")]),
        (["1,234.50", "7"], [Form(".", ",")]),
        (["1.234.567"], [Form(",", ".")]),
        (["1234.500"], [Form(".")]),
        (["12 345,6", "1"], [Form(",", " ")]),
        (["1'234.50"], [Form(".", "'")]),
        (["7", "12"], [Form()]),
        (["12,000"], [Form(","), Form(".", ",")]),  # twelve, or twelve thousand
        (["2.500", "1.250"], [Form("."), Form(",", ".")]),
        (["(12.50)", "3.5-", "$4.25"], [Form(".")]),
        (["1,5", "2.5"], [Form(",", "."), Form(".", ",")]),
    ],
)
def test_a_form_is_taken_only_where_values_prove_it(values: list[str], forms: list[Form]) -> None:
    assert forms_of(evidence(*values)) == forms


def test_whole_numbers_and_other_columns_prove_a_form_too() -> None:
    assert forms_of(evidence("12,345"), is_whole=True) == [Form(".", ",")]
    assert forms_of(evidence("12,000"), evidence("3,50")) == [Form(",")]
    assert forms_of(evidence("12,000"), evidence("1,234.50")) == [Form(".", ",")]
    assert len(forms_of(evidence("12.000"), evidence("3,50"))) == 2  # another mark: nothing proves thousands


@given(
    st.lists(st.decimals(min_value=0, max_value=9_999_999, places=2), min_size=1, max_size=20),
    st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'")]),
)
def test_numbers_with_two_decimals_are_always_read_back(numbers: list[Decimal], marks: tuple[str, str]) -> None:
    """Two decimals prove the form: every number comes back as it was written."""
    decimal, thousands = marks
    texts = [f"{n:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands) for n in numbers]
    [form] = forms_of(evidence(*texts))
    assert [Decimal(form.read(text)) for text in texts] == numbers


@given(st.lists(st.integers(1, 999), min_size=1, max_size=10), st.sampled_from([",", "."]))
def test_three_places_are_never_read_without_proof(numbers: list[int], mark: str) -> None:
    texts = [f"{n}{mark}{n * 7 % 1000:03d}" for n in numbers]
    assert len(forms_of(evidence(*texts))) == 2


@pytest.mark.parametrize(
    ("value", "pattern", "is_iso"),
    [
        ("2024-01-05", "%Y-%m-%d", True), ("2024-01-05T10:00:00Z", "%Y-%m-%dT%H:%M:%SZ", True),
        ("2024/01/05", "%Y/%m/%d", False), ("Jan 5, 2024", "%b %d, %Y", False), ("5-Jan-24", "%d-%b-%y", False),
        ("January 5, 2024", "%B %d, %Y", False), ("2/2/24", "%d/%m/%y", False),
        ("31.01.2024 9:05", "%d.%m.%Y %H:%M", False), ("1/5/2024 3:04 PM", "%d/%m/%Y %I:%M %p", False),
        ("2024-02-02 21:15:00 -0700", "%Y-%m-%d %H:%M:%S %z", False), ("2024年1月5日", "%Y年%m月%d日", False),
    ],
)  # fmt: skip
def test_days_and_times_are_recognised(value: str, pattern: str, is_iso: bool) -> None:
    found = written(value, 1)
    assert found is not None
    assert (found.day.day + found.rest, found.is_iso) == (pattern, is_iso)


@pytest.mark.parametrize("value", ["12.50", "1-2", "Size 12", "Foo 5, 2024", "45352", "10,5"])
def test_what_is_no_day_is_none(value: str) -> None:
    assert written(value, 1) is None


# Tables of sales ---------------------------------------------------------------------------------------------------


def test_flat_sales_lines_become_orders_lines_customers_and_products(drafts: Drafts) -> None:
    """One spreadsheet of sales, as shops export it; amounts are quantity times price, written with a comma."""
    path = drafts.put(
        "sales.csv",
        "Invoice;StockCode;Description;Quantity;InvoiceDate;Price;Customer ID;Country\n"
        "536365;85123A;Heart;2;25.12.2024 08:26;2,55;17850;United Kingdom\n"
        "536365;71053;Lantern;1;25.12.2024 08:26;1.003,39;17850;United Kingdom\n"
        "536366;71053;Lantern;-1;26.12.2024 09:00;1.003,39;;United Kingdom\n",
    )
    said = drafts.init(data=path)
    assert "sales: sales_order, order_line, customer, product" in said
    assert "time zone Europe/London: guess" in said
    config = drafts.loaded()
    assert rows(config, "select order_id, customer_id, ordered_at::varchar from input.sales_order order by 1") == [
        ("536365", "17850", "2024-12-25 08:26:00"), ("536366", None, "2024-12-26 09:00:00"),
    ]  # fmt: skip
    assert rows(
        config, "select order_id, line_no, product_id, net_amount::varchar from input.order_line order by 1, 2"
    ) == [
        ("536365", 1, "85123A", "5.1000"), ("536365", 2, "71053", "1003.3900"), ("536366", 1, "71053", "-1003.3900"),
    ]  # fmt: skip
    assert rows(config, "select customer_id, country from input.customer") == [("17850", "United Kingdom")]
    assert rows(config, "select product_id, name from input.product order by 1") == [
        ("71053", "Lantern"), ("85123A", "Heart"),
    ]  # fmt: skip


def monthly(drafts: Drafts, names: list[str]) -> None:
    for place, name in enumerate(names, start=1):
        lines = [f"{place}-{i:03d},2024-0{place}-02 10:00:00,C{i % 5},A{i % 3},1,{place}5.50" for i in range(10)]
        drafts.put(name, "\n".join(["invoice_no,invoice_date,customer_id,stock_code,quantity,amount", *lines]) + "\n")


@pytest.mark.parametrize(
    ("names", "glob"),
    [
        (["sales_2024_01.csv", "sales_2024_02.csv", "sales_2024_03.csv"], "sales_*.csv"),
        (["2024-01.csv", "2024-02.csv", "2024-03.csv"], "2024-0*.csv"),
        (["Umsatz Februar.csv", "Umsatz Januar.csv", "Umsatz März.csv"], "Umsatz *.csv"),
    ],
)
def test_files_of_one_header_are_one_table(drafts: Drafts, names: list[str], glob: str) -> None:
    """Ten invoices of 15.50, of 25.50 and of 35.50: 765.00."""
    monthly(drafts, names)
    drafts.put("notes.csv", "note,written\nhello,yes\n")
    assert "3 files of one header" in drafts.init()
    assert drafts.sales() == (Decimal("765.0000"), 30)
    assert glob in {table.get("path") for table in yaml.safe_load(drafts.yaml())["tables"].values()}


def test_files_of_one_header_that_no_glob_tells_apart_are_one_table_all_the_same(drafts: Drafts) -> None:
    monthly(drafts, ["alpha.csv", "gamma.csv"])
    drafts.put("beta.csv", "note,written\nhello,yes\n")
    assert glob_of(["alpha.csv", "gamma.csv"], ["alpha.csv", "beta.csv", "gamma.csv"]) is None
    assert "alpha, gamma: the same columns: taken for one table" in drafts.init()
    assert drafts.sales() == (Decimal("410.0000"), 20)


def test_returns_are_no_sales_though_their_header_is_the_same(drafts: Drafts) -> None:
    monthly(drafts, ["sales.csv", "sales_returns.csv"])
    drafts.init()
    assert drafts.sales() == (Decimal("155.0000"), 10)


def test_of_overlapping_exports_the_last_file_counts(drafts: Drafts) -> None:
    """V2 is in both files and has another amount in the second: 10 + 25 + 30."""
    head = "invoice_no,invoice_date,customer_id,stock_code,quantity,amount\n"
    one, two = "2024-01-01,C1,A,1,10.00\n", "2024-01-02,C2,A,1"
    drafts.put("sales_01.csv", f"{head}V1,{one}V2,{two},5.00\nV2,2024-01-02,C2,B,1,15.00\n")
    drafts.put("sales_02.csv", f"{head}V2,{two},10.00\nV2,2024-01-02,C2,B,1,15.00\nV3,2024-01-03,C1,A,1,30.00\n")
    assert "orders are in several files: the last file's lines are taken" in drafts.init()
    assert drafts.sales() == (Decimal("65.0000"), 3)


def test_an_order_that_goes_on_in_the_next_file_keeps_all_its_lines(drafts: Drafts) -> None:
    head = "invoice_no,invoice_date,customer_id,stock_code,quantity,amount\n"
    drafts.put("sales_01.csv", f"{head}V1,2024-01-31,C1,A,1,10.00\nV2,2024-01-31,C2,A,1,20.00\n")
    drafts.put("sales_02.csv", f"{head}V2,2024-02-01,C2,B,1,15.00\nV3,2024-02-03,C1,A,1,30.00\n")
    assert "go on from one file to the next" in drafts.init()
    assert drafts.sales() == (Decimal("75.0000"), 3)


def order_totals(price: bool, extra: str = "") -> tuple[str, Decimal]:
    """Forty orders of one to three lines; the total stands on every line."""
    lines = ["Order,Date,Customer,SKU,Qty" + (",Price" if price else "") + ",Total" + (",Shipping" if extra else "")]
    goods = Decimal(0)
    for i in range(1, 41):
        parts = [(1 + j, Decimal(2 + j + i % 4)) for j in range(1 + i % 3)]
        worth = sum((q * p for q, p in parts), Decimal(0))
        goods += worth
        for j, (q, p) in enumerate(parts):
            cells = [f"O{i}", f"2024-01-{1 + i % 28:02d}", f"C{i % 7}", f"S{j}", str(q)]
            cells += [f"{p:.2f}"] if price else []
            cells += [f"{worth + Decimal(extra or 0):.2f}"] + ([extra] if extra else [])
            lines.append(",".join(cells))
    return "\n".join(lines) + "\n", goods


@pytest.mark.parametrize(("price", "extra"), [(False, ""), (True, ""), (True, "4.90")])
def test_an_amount_that_is_constant_within_orders_is_the_orders(drafts: Drafts, price: bool, extra: str) -> None:
    """Without prices orders stand alone; with prices the lines add up to the total, less shipping where it is in it."""
    text, goods = order_totals(price, extra)
    drafts.put("sales.csv", text)
    drafts.init()
    assert ("order_line" in drafts.maps()) == price
    total, orders = drafts.sales()
    assert (total, orders) == (goods, 40)
    config = drafts.config()
    assert rows(config, "select sum(net_amount) from input.sales_order") == [(goods,)]


@pytest.mark.parametrize(("choice", "total"), [(0, "18.0000"), (1, "150.0000")])
def test_a_total_to_which_prices_do_not_add_up_is_asked_of(drafts: Drafts, choice: int, total: str) -> None:
    """Two orders of 100.00 and 50.00 whose prices say 12 and 6."""
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Price,Order Total\n"
        "1,2024-01-01,a,X,1,10.00,100.00\n1,2024-01-01,a,Y,1,2.00,100.00\n"
        "2,2024-01-02,b,X,1,5.00,50.00\n2,2024-01-02,b,Y,1,1.00,50.00\n",
    )
    assert "each line's share of Order Total, which is the order's: 150.00 in all?" in drafts.init()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


def test_whether_a_discount_is_off_already_is_asked(drafts: Drafts) -> None:
    """Two at 10.00 with 3.00 off: 20.00, or 17.00."""
    drafts.put("sales.csv", "Order,Date,Customer,SKU,Qty,Price,Discount\n1,2024-01-01,a,X,2,10.00,3.00\n")
    said = drafts.init()
    assert "Discount is off already: 20.00 in all" in said
    assert "Discount still comes off each line: 17.00 in all" in said
    with pytest.raises(ConfigError, match="net_amount"):
        drafts.config()
    drafts.answer("net_amount", 1)
    assert drafts.sales() == (Decimal("17.0000"), 1)


@pytest.mark.parametrize(("choice", "total"), [(0, "21.0000"), (1, "10.5000")])
def test_whose_an_amount_is_is_asked_where_neither_data_nor_name_tell(drafts: Drafts, choice: int, total: str) -> None:
    """Two orders of two lines each: 3.50 and 7.00 are the lines' (21.00) or the orders' (10.50)."""
    lines = "1,2024-01-01,a,X,1,3.50\n1,2024-01-01,a,Y,2,3.50\n2,2024-01-02,b,X,1,7.00\n2,2024-01-02,b,Z,3,7.00\n"
    drafts.put("sales.csv", f"Order,Date,Customer,SKU,Qty,Amount\n{lines}")
    said = drafts.init()
    assert "Amount is each line's: 21.00 in all or Amount is the whole order's, repeated: 10.50 in all?" in said
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


def test_tables_with_types_are_drafted_by_them(drafts: Drafts) -> None:
    """Ten orders of 1.50, 3.00 … 15.00 make 82.50; their time is a time stamp already."""
    (drafts.root / "exports").mkdir()
    with duckdb.connect() as con:
        con.execute(
            "copy (select 'O' || i as order_id, i % 3 as customer_id, "
            "timestamp '2024-01-01' + to_days(i::integer) as day, "
            f"i * 1.5 as total from range(1, 11) t(i)) to '{drafts.root / 'exports' / 'orders.parquet'}'"
        )
    drafts.init()
    assert drafts.sales() == (Decimal("82.5000"), 10)


def test_decimals_of_three_places_where_the_column_proves_them(drafts: Drafts) -> None:
    """0,250 + 12,000 + 15,500 = 27.75 units; 2.50 + 240.00 + 50.00 = 292.50."""
    drafts.put(
        "Verkauf.csv",
        "Bestellnummer;Kundennummer;Rechnungsdatum;Artikelnummer;Menge;Betrag\n"
        "B1;K1;03.02.2024;A;0,250;2,50\nB1;K1;03.02.2024;B;12,000;240,00\nB2;K2;14.02.2024;C;15,500;50,00\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("292.5000"), 2)
    assert rows(drafts.config(), "select sum(quantity) from input.order_line") == [(Decimal("27.7500"),)]


def test_numbers_of_three_places_throughout_are_proved_by_an_equation(drafts: Drafts) -> None:
    """1,250 at 20,000 is 25,000: as decimals 1.25 times 20 is 25; as thousands it is not."""
    drafts.put("sales.csv", "Beleg;Datum;Kunde;Artikel;Menge;Preis;Umsatz\n1;03.02.2024;A;x;1,250;20,000;25,000\n")
    drafts.init()
    assert drafts.sales() == (Decimal("25.0000"), 1)


def test_a_customer_without_a_number_is_known_by_mail_or_name(drafts: Drafts) -> None:
    lines = "1,2024-01-01,Ann Alder,x,2,10.00\n2,2024-01-02,Bob Birch,y,1,7.50\n"
    drafts.put("sales.csv", f"Order Number,Order Date,Customer Name,SKU,Quantity,Amount\n{lines}")
    drafts.init()
    assert "the name is taken for one" in drafts.yaml()
    config = drafts.loaded()
    assert rows(config, "select customer_id, full_name from input.customer order by 1") == [
        ("Ann Alder", "Ann Alder"), ("Bob Birch", "Bob Birch"),
    ]  # fmt: skip


def test_decimals_of_three_places_where_an_equation_proves_them(drafts: Drafts) -> None:
    """12,000 at 2.5 is 30.0 only where the comma is decimal."""
    drafts.put("sales.csv", 'Order,Date,Customer,SKU,Qty,Price,Amount\n1,2024-01-01,a,X,"12,000",2.5,30.0\n')
    drafts.init()
    assert drafts.sales() == (Decimal("30.0000"), 1)
    assert rows(drafts.config(), "select sum(quantity) from input.order_line") == [(Decimal("12.0000"),)]


@pytest.mark.parametrize(("choice", "total"), [(0, "5.0000"), (1, "5000.0000")])
def test_decimals_of_three_places_are_asked_where_nothing_proves_them(drafts: Drafts, choice: int, total: str) -> None:
    """A text column with a decimal comma is no proof."""
    drafts.put(
        "sales.csv",
        "order_no,order_date,customer_id,sku,quantity,amount,content\n"
        '1,2024-05-02,K1,A1,1,2.500,"1.000,5 ml"\n2,2024-05-03,K2,A2,1,2.500,"1.000,5"\n',
    )
    said = drafts.init()
    assert "“2.500” is 2.5 or “2.500” is 2500?" in said
    with pytest.raises(ConfigError, match="required column net_amount is missing"):
        drafts.config()
    drafts.answer("net_amount", choice)
    assert drafts.sales() == (Decimal(total), 2)


def test_an_open_choice_of_an_optional_column_is_refused_too(drafts: Drafts) -> None:
    """Orders alone need no amount by contract; without an answer they would be worth nothing."""
    drafts.put("orders.csv", "order_id,customer_id,ordered_at,total\n1,a,2024-01-05,1.250\n2,b,2024-01-06,2.000\n")
    assert "sales_order.net_amount" in drafts.init()
    with pytest.raises(ConfigError, match="answer_the_question_above"):
        load_and_conform(drafts.config())
    drafts.answer("net_amount", 0)
    assert drafts.sales() == (Decimal("3.2500"), 2)


def test_formats_come_from_number_columns_that_are_mapped(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv",
        "order_no,order_date,customer_id,sku,quantity,amount,size\n"
        '1,2024-05-02,K1,A1,1,1.50,"10,5"\n2,2024-05-03,K2,A2,2,2.25,"11,5"\n',
    )
    drafts.init()
    assert drafts.config().sources["shop"].formats == Formats()
    assert drafts.sales() == (Decimal("3.7500"), 2)


def test_columns_of_one_map_that_are_written_in_two_ways(drafts: Drafts) -> None:
    """Quantities with a point, amounts with a comma: 1.5 and 0.25 units for 1234.50 and 3.75."""
    drafts.put(
        "sales.csv",
        "order_no;order_date;customer_id;sku;quantity;amount\n"
        "1;2024-05-02;K1;A1;1.5;1.234,50\n2;2024-05-03;K2;A2;0.25;3,75\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("1238.2500"), 2)
    assert rows(drafts.config(), "select sum(quantity) from input.order_line") == [(Decimal("1.7500"),)]


def test_a_value_in_another_form_waits_in_quarantine(drafts: Drafts) -> None:
    """Of a column rewritten in its expression as well: an unreadable amount is no null."""
    good = "".join(f"{i};2024-05-02;K1;A1;1.5;1.234,50\n" for i in range(60))
    head = "order_no;order_date;customer_id;sku;quantity;amount\n"
    drafts.put("sales.csv", f"{head}{good}99;2024-05-02;K1;A1;1.5;1_000\n")
    drafts.init()
    audits = load_and_conform(drafts.config())
    assert (audits["order_line"].accepted, audits["order_line"].quarantined) == (60, 1)


def test_the_day_of_an_order_is_its_earliest_not_its_least_text(drafts: Drafts) -> None:
    drafts.put(
        "sales.csv",
        "Rechnung;Datum;Kunde;Artikel;Menge;Betrag\n"
        "R-7;31.01.2024;K1;A;1;1,50\nR-7;01.02.2024;K1;B;2;3,00\nR-8;05.02.2024;K2;A;1;1,50\n",
    )
    drafts.init("--timezone", "Europe/Berlin")
    assert drafts.sales() == (Decimal("6.0000"), 2)
    assert rows(drafts.config(), "select ordered_on::varchar from input.sales_order where order_id = 'R-7'") == [
        ("2024-01-31",)
    ]


@pytest.mark.parametrize(
    ("values", "days"),
    [
        (["2/13/24", "3/4/24"], ["2024-02-13", "2024-03-04"]),
        (["13/2/2024", "4/3/2024"], ["2024-02-13", "2024-03-04"]),
        (['"Jan 5, 2024"', '"Feb 13, 2024"'], ["2024-01-05", "2024-02-13"]),
        (["2024/01/05", "2024/02/13"], ["2024-01-05", "2024-02-13"]),
        (["2024-01-05T22:15:00", "2024-02-13T01:00:00"], ["2024-01-05", "2024-02-13"]),
        (["1704492900", "1707786000"], ["2024-01-05", "2024-02-13"]),
        (["1704492900000", "1707786000000"], ["2024-01-05", "2024-02-13"]),
        (["2024-01-05 20:15:00 -0700", "2024-02-12 20:00:00 -0700"], ["2024-01-06", "2024-02-13"]),
        (["20240105", "20240213"], ["2024-01-05", "2024-02-13"]),
    ],
)
def test_days_are_read_as_they_are_written(drafts: Drafts, values: list[str], days: list[str]) -> None:
    lines = "".join(f"{i},c1,{value},3.50\n" for i, value in enumerate(values))
    drafts.put("orders.csv", f"order_id,customer_id,created_at,total\n{lines}")
    drafts.init()
    config = drafts.loaded()
    assert [d for (d,) in rows(config, "select ordered_on::varchar from input.sales_order order by 1")] == days


def test_words_for_no_day_are_not_the_year_1900(drafts: Drafts) -> None:
    lines = "".join(f"{i},c1,2024-02-0{i + 1} 21:15:00 -0700,3.50\n" for i in range(6))
    drafts.put("orders.csv", f"order_id,customer_id,created_at,total\n{lines}8,c1,infinity,3.50\n9,c1,epoch,3.50\n")
    drafts.init()
    audits = load_and_conform(drafts.config())
    assert (audits["sales_order"].accepted, audits["sales_order"].quarantined) == (6, 2)


@pytest.mark.parametrize(("choice", "day"), [(0, "2024-04-03"), (1, "2024-03-04")])
def test_day_or_month_first_is_asked_where_nothing_proves_it(drafts: Drafts, choice: int, day: str) -> None:
    drafts.put(
        "sales.csv",
        "Order,Date,Customer,SKU,Qty,Amount\n1,03/04/2024,a,X,1,3.50\n1,03/04/2024,a,Y,1,2.50\n2,05/06/2024,b,X,1,3.50\n",
    )
    said = drafts.init()
    assert "day first: “03/04/2024” is 3 April 2024 or month first: “03/04/2024” is 4 March 2024?" in said
    with pytest.raises(ConfigError, match="required column ordered_at is missing"):
        drafts.config()
    drafts.answer("ordered_at", choice)
    assert drafts.sales() == (Decimal("9.5000"), 2)
    assert rows(drafts.config(), "select min(ordered_on)::varchar from input.sales_order") == [(day,)]


def test_another_column_of_the_table_tells_which_comes_first(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,due,total\n1,a,03/04/2024,13/05/2024,3.50\n")
    assert "question" not in drafts.init()
    config = drafts.loaded()
    assert rows(config, "select ordered_on::varchar from input.sales_order") == [("2024-04-03",)]


# Name → table, with / for the end of a line; what it sold, worked by hand; its orders.
SMALL: dict[str, tuple[str, str, int]] = {
    "orders alone": (
        "order_id,customer_id,ordered_at,net_amount / 1,a,2024-01-05,10 / 2,b,2024-01-06,20 / 3,a,2024-02-06,30",
        "60", 3,
    ),
    "dollars": ("Order ID,Customer,Order Date,Product,Qty,Amount / 1,c1,01/15/2024,Tea,1,$3.50", "3.5", 1),
    "euros": (
        "No,Customer,Order Date,Product,Qty,Amount / 1,c1,2024-01-15,Tea,1,3.50 € / 2,c1,2024-01-16,Tea,1,€ 1.25",
        "4.75", 2,
    ),
    "spanish": (
        "Pedido;Fecha;Cliente;Producto;Cantidad;Importe / P1;31.01.2024;M1;A;2;12,50 / P2;02.02.2024;M2;A;1;6,25",
        "18.75", 2,
    ),
    "chinese": (
        "订单号,下单时间,客户,商品,数量,金额 / 1,2024年1月5日,甲,茶,2,12.50 / 2,2024年1月6日,乙,茶,1,6.25", "18.75", 2,
    ),
    "no order number": (
        "Date,Customer,Item,Qty,Amount / 2024-01-05,ann,tea,1,3.50 / 2024-01-05,ann,pot,1,13.50 / "
        "2024-01-06,bob,tea,2,7",
        "24", 2,
    ),
    "title": (
        "Sales report 2024 /  / Order ID,Customer,Order Date,Product,Qty,Amount / 1,c1,2024-01-15,Tea,1,3.50 / "
        "2,c1,2024-01-16,Pot,1,3.50", "7", 2,
    ),
    "goods": (
        "order_no,customer_no,order_date,subtotal,shipping,tax,total / 1,a,2024-01-05,10.00,4.90,2.00,16.90 / "
        "2,b,2024-01-06,5.50,0,1.00,6.50", "15.5", 2,
    ),
    "total less others": (
        "order_no,customer_no,order_date,shipping,tax,total / 1,a,2024-01-05,4.90,2.00,16.90 / "
        "2,b,2024-01-06,,1.00,6.50", "15.5", 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "total", "orders"), SMALL.values(), ids=SMALL)
def test_small_tables_of_sales(drafts: Drafts, text: str, total: str, orders: int) -> None:
    drafts.put("sales.csv", text.replace(" / ", "\n") + "\n")
    drafts.init()
    assert drafts.sales() == (Decimal(total), orders)


def test_an_order_key_that_is_guessed_says_so(drafts: Drafts) -> None:
    drafts.put("sales.csv", "Date,Customer,Item,Qty,Amount\n2024-01-05,ann,tea,1,3.50\n2024-01-05,ann,pot,1,13.50\n")
    assert "guess: no column is an order number" in drafts.init()
    assert "# guess: no column is an order number" in drafts.yaml()


def test_statuses_are_translated_and_unknown_ones_named(drafts: Drafts) -> None:
    states = [
        "canceled",
        "processing",
        "invoiced",
        "refunded",
        "Fulfilled",
        "storniert",
        "bezahlt",
        "versendet",
        "shipped",
    ]
    lines = "".join(f"{i},c1,2024-01-0{i + 1},{state},3.50\n" for i, state in enumerate(states))
    drafts.put("orders.csv", f"order_id,customer_id,order_date,status,total\n{lines}99,c2,2024-01-01,glimmering,1.00\n")
    said = drafts.init()
    assert "canceled is cancelled" in said
    assert "unknown “glimmering”" in said
    audits = load_and_conform(drafts.config())
    assert audits["sales_order"].quarantined == 1
    assert rows(drafts.config(), "select status from input.sales_order order by order_id") == [
        (s,) for s in ("cancelled", "placed", "paid", "cancelled", "shipped", "cancelled", "paid", "shipped", "shipped")
    ]


# Folders -----------------------------------------------------------------------------------------------------------


def test_a_headerless_file_is_recognised(drafts: Drafts) -> None:
    drafts.put("things.csv", "1,a,x\n2,b,y\n")
    assert "things: has no header" in drafts.init()
    tested = CliRunner().invoke(app, ["source", "preview", "shop", "things", "--company", "drafted", "--json"])
    assert [row["column_1"] for row in yaml.safe_load(tested.output)] == ["1", "2"]


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = Workbook()
    for place, (title, cells) in enumerate(sheets.items()):
        sheet = book.active if place == 0 else book.create_sheet()
        assert sheet is not None
        sheet.title = title
        for row in cells:
            sheet.append(row)
    path.parent.mkdir(exist_ok=True)
    book.save(path)


def test_sheets_of_a_workbook_are_tables_and_titles_are_skipped(drafts: Drafts) -> None:
    sales = [["Umsatzliste 2024"], [], ["Belegnummer", "Datum", "Kundennummer", "Artikel", "Menge", "Betrag"],
             ["B1", "2024-01-05", "K1", "A", 2, 1234.5], ["B2", "2024-01-06", "K2", "A", 1, 0.25]]  # fmt: skip
    customers = [["Kundennummer", "Vorname", "Nachname", "Land"], ["K1", "Ann", "Alder", "Deutschland"],
                 ["K2", "Bob", "Birch", "Deutschland"]]  # fmt: skip
    workbook(drafts.root / "exports" / "report.xlsx", {"Umsatz": sales, "Kunden": customers, "Leer": []})
    said = drafts.init()
    assert "sheet Leer is empty" in said
    assert drafts.sales() == (Decimal("1234.7500"), 2)
    assert rows(drafts.config(), "select count(*) from input.customer where family_name is not null") == [(2,)]
    assert "currency EUR: guess: most addresses are in DE" in said


def test_a_file_that_cannot_be_read_is_left_out_and_said(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\n1,K1,2024-01-05,3.50\n")
    drafts.put("void.csv", "")
    drafts.put("broken.xlsx", "no workbook\n")
    said = drafts.init()
    assert "void.csv: left out" in said
    assert "broken.xlsx: left out" in said
    assert drafts.sales() == (Decimal("3.5000"), 1)


def test_sheets_of_one_header_are_one_table(drafts: Drafts) -> None:
    head: list[object] = ["Order No", "Date", "Customer", "Item", "Qty", "Amount"]
    january, february = ["1", "2024-01-03", "a", "x", 1, 10.5], ["2", "2024-02-03", "b", "x", 2, 20.25]
    workbook(drafts.root / "exports" / "year.xlsx", {"Jan": [head, january], "Feb": [head, february]})
    assert "the same columns: taken for one table" in drafts.init()
    assert drafts.sales() == (Decimal("30.7500"), 2)


def test_files_of_several_kinds_are_several_sources(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,total\n1,K1,2024-01-05,3.50\n2,K2,2024-01-06,4.50\n")
    drafts.put("readme.md", "hello\n")
    drafts.put("lines.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,3.50\n2,1,B,1,4.50\n")
    people = [["customer_id", "full_name", "email"], ["K1", "Ann", "a@a.test"], ["K2", "Bob", "b@b.test"]]
    workbook(drafts.root / "exports" / "customers.xlsx", {"customers": people})
    said = drafts.init()
    assert "readme.md: left out" in said
    config = drafts.config()
    assert set(config.sources) == {"shop", "shop_excel"}
    assert drafts.sales() == (Decimal("8.0000"), 2)


def test_currency_phones_and_zone_are_guessed_and_said(drafts: Drafts) -> None:
    drafts.put(
        "customers.csv",
        "customer_id,full_name,phone,country\n1,Ann,+48 22 123 45 67,Poland\n2,Bob,+48 22 765 43 21,PL\n",
    )
    head = "order_id,customer_id,order_date,currency,total\n"
    drafts.put("orders.csv", f"{head}1,1,2024-01-05,pln,3.50\n2,2,2024-01-06,PLN,1\n")
    said = drafts.init()
    company = drafts.config().company
    assert (company.currency, company.timezone, company.phone_country) == ("PLN", "Europe/Warsaw", "PL")
    assert "currency PLN: guess" in said
    assert "phone_country PL: guess" in said


def test_what_the_user_states_is_not_guessed(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,currency,total\n1,1,2024-01-05,PLN,3.50\n")
    said = drafts.init("--currency", "EUR", "--timezone", "Europe/Rome")
    company = drafts.config().company
    assert (company.currency, company.timezone) == ("EUR", "Europe/Rome")
    assert "default" not in said


def test_notes_fit_a_narrow_terminal(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_id,customer_id,order_date,status,total\n1,1,03/04/2024,canceled,3.500\n")
    drafts.init()
    notes = [line for line in drafts.output.splitlines() if line.startswith("  ")]
    assert max(len(line) for line in notes if "regulars" not in line) <= 80


# Forms of exports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n"
        "txn_1,charge,ch_1,10.00,0.50,9.50,usd,2024-03-01 22:30,2024-03-03 00:00,Order 1\n",
        "id,kind,source,value,charged,booked\nt1,charge,ch_1,10.00,0.50,2024-03-01\n",
        "Week,Campaign,Spend,Impr.,Clicks\n2024-01-01,Brand,10.00,100,3\n2024-01-08,Brand,11.00,90,2\n",
    ],
    ids=["balance", "balance of nobody", "campaigns"],
)
def test_what_resembles_nothing_is_left_out(drafts: Drafts, text: str) -> None:
    drafts.put("export.csv", text)
    assert "resembles nothing" in drafts.init()
    assert drafts.maps() == {}


def test_a_campaign_report_with_title_and_thousands(drafts: Drafts) -> None:
    drafts.put(
        "campaign.csv",
        'Campaign report\n"January 1, 2024 - January 2, 2024"\n'
        "Day,Campaign,Campaign status,Currency code,Cost,Impr.,Clicks\n"
        '2024-01-01,Brand,Enabled,USD,"1,234.50","12,345",100\n2024-01-02,Brand,Enabled,USD,10.25,500, --\n'
        'Total: Account, --, --,USD,"1,244.75","12,845",100\n',
    )
    said = drafts.init()
    assert "currency USD" in said
    config = drafts.loaded()
    assert rows(config, "select count(*), sum(cost), sum(impressions), sum(clicks) from input.ad_performance") == [
        (2, Decimal("1244.7500"), 12_845, 100)
    ]


def test_contacts_of_a_crm_are_customers_in_the_zone_of_their_header(drafts: Drafts) -> None:
    drafts.put(
        "contacts.csv",
        "Record ID,First Name,Last Name,Email,Phone Number,Create Date (EST),Lifecycle Stage\n"
        "901,Ann,Alder,ann@a.test,+49 30 1234567,2023-11-02 14:20,customer\n"
        "902,Bob,Birch,bob@b.test,,2023-11-03 14:20,lead\n",
    )
    drafts.init()
    config = drafts.loaded()
    assert rows(config, "select customer_id, registered_at::varchar, status from input.customer order by 1") == [
        ("901", "2023-11-02 18:20:00", "active"), ("902", "2023-11-03 18:20:00", "prospect"),
    ]  # fmt: skip


# Commands ----------------------------------------------------------------------------------------------------------


def test_init_and_suggest_agree(drafts: Drafts) -> None:
    drafts.put("orders.csv", "order_no;customer_no;order_date;total\n1;007;2024-02-01 10:00;12,50\n")
    drafts.put("lines.csv", "order_no;pos;sku;qty;amount\n1;1;A;2;12,50\n")
    drafts.init("--timezone", "Europe/Berlin")
    source = drafts.config().sources["shop"]
    assert set(source.maps) == {"sales_order", "order_line", "customer"}
    assert source.formats.decimal == ","
    tested = CliRunner().invoke(app, ["source", "test", "--company", "drafted", "--json"])
    assert (tested.exit_code, [row["state"] for row in yaml.safe_load(tested.output)]) == (0, ["ok", "ok"])
    done = CliRunner().invoke(app, ["source", "suggest", "shop", "--company", "drafted"])
    assert yaml.safe_load(done.output) == drafts.maps()
    one = CliRunner().invoke(app, ["source", "suggest", "shop", "lines", "--company", "drafted"])
    assert yaml.safe_load(one.output)["order_line"] == drafts.maps()["order_line"]


@pytest.mark.parametrize(
    ("argv", "which", "name"),
    [
        ("/opt/app/.venv/bin/regulars", None, "/opt/app/.venv/bin/regulars"),
        (".venv/bin/regulars", None, ".venv/bin/regulars"),
        ("/usr/bin/regulars", "/usr/bin/regulars", "regulars"),
        ("/x/orchestration/cli/main.py", None, "regulars"),
    ],
)
def test_hints_name_the_command_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, argv: str, which: str | None, name: str
) -> None:
    found: Callable[[str], str | None] = lambda _: which  # noqa: E731
    monkeypatch.setattr("sys.argv", [argv])
    monkeypatch.setattr("shutil.which", found)
    monkeypatch.setattr(Called, "company", None)
    assert command_name() == name
    assert (
        as_called("Run: regulars refresh; see data/regulars for more")
        == f"Run: {name} refresh; see data/regulars for more"
    )


def test_a_company_begun_from_nothing_validates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path))
    monkeypatch.setenv("SHOP_DATA", str(tmp_path))
    assert CliRunner().invoke(app, ["init", "empty_shop"]).exit_code == 0
    assert set(load_company("empty_shop").sources["shop"].maps) == {"customer", "sales_order", "order_line"}
    again = CliRunner().invoke(app, ["init", "empty_shop"])
    assert isinstance(again.exception, UsageError)
    assert isinstance(CliRunner().invoke(app, ["init", "Bad-Name"]).exception, UsageError)
    assert isinstance(CliRunner().invoke(app, ["init", "x", "--timezone", "Mars"]).exception, UsageError)


def test_a_broken_table_fails_the_test_and_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path))
    monkeypatch.setenv("SHOP_DATA", str(tmp_path))
    CliRunner().invoke(app, ["init", "empty_shop"])
    done = CliRunner().invoke(app, ["source", "test", "--company", "empty_shop", "--json"])
    assert done.exit_code == 1
    assert "table orders: no file" in done.output


def test_overlapping_exports_of_a_known_form_count_once(drafts: Drafts) -> None:
    """Order 2 is in both files; the later one has one piece less: 10 + 20 + 7."""
    head = "Order Number,Order Status,Order Date,Order Total Amount,SKU,Item Name,Quantity (- Refund),Item Cost\n"
    one, lid = "1,completed,2024-01-01,10.00,A,Mug,1,10.00\n", "2,completed,2024-01-02,20.00,B,Lid,1,0.00\n"
    drafts.put("orders-1.csv", f"{head}{one}2,completed,2024-01-02,20.00,A,Mug,3,10.00\n{lid}")
    three = "3,processing,2024-01-03,7.00,B,Lid,1,7.00\n"
    drafts.put("orders-2.csv", f"{head}2,completed,2024-01-02,20.00,A,Mug,2,10.00\n{lid}{three}")
    assert "are in several files" in drafts.init()
    assert drafts.sales() == (Decimal("37.0000"), 3)


def test_an_order_export_whose_items_do_not_add_up_keeps_the_order_total(drafts: Drafts) -> None:
    """Goods of 30.00 in an order of 34.90: what the export does not name is a line without a product."""
    drafts.put(
        "orders.csv",
        "Order Number,Order Status,Order Date,Email (Billing),Cart Discount Amount,Order Subtotal Amount,"
        "Order Total Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Discount Amount\n"
        "101,completed,2024-03-01 10:00,Ann@a.test,0,30.00,34.90,A1,1,Mug,1,10.00,0\n"
        "101,completed,2024-03-01 10:00,Ann@a.test,0,30.00,34.90,A2,2,Pot,2,10.00,0\n",
    )
    drafts.init()
    assert drafts.sales() == (Decimal("34.9000"), 1)
    config = drafts.config()
    assert rows(config, "select customer_id, net_amount::varchar from input.sales_order") == [("ann@a.test", "34.9000")]
    assert rows(config, "select product_id, net_amount::varchar from input.order_line order by 2") == [
        ("A1", "10.0000"), ("A2", "20.0000"), (None, "4.9000"),
    ]  # fmt: skip


def test_a_known_form_asks_too_and_is_refused_until_it_is_answered(drafts: Drafts) -> None:
    head = "Order Number,Order Status,Order Date,Order Total Amount,SKU,Item Name,Quantity (- Refund),Item Cost"
    drafts.put("orders.csv", f"{head}\n1,completed,03/04/2024,10.00,A,Mug,1,10.00\n")
    said = drafts.init()
    assert "day first: “03/04/2024” is 3 April 2024 or month first: “03/04/2024” is 4 March 2024?" in said
    with pytest.raises(ConfigError, match="answer_the_question_above"):
        load_and_conform(drafts.config())


def test_persons_are_customers_whatever_their_table_is_called(drafts: Drafts) -> None:
    drafts.put("subscribers.csv", "id,first_name,last_name,email\n1,Ann,Alder,a@a.test\n2,Bob,Birch,b@b.test\n")
    drafts.init()
    assert set(drafts.maps()) == {"customer"}


def test_lines_without_orders_are_said(drafts: Drafts) -> None:
    drafts.put("order_items.csv", "order_id,line,sku,quantity,amount\n1,1,A,1,3.50\n1,2,B,1,4.50\n")
    assert "lines without orders" in drafts.init()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_forms_name_entities_and_columns_that_exist(path: Path) -> None:
    form, contracts = read_yaml(path, ExportForm), load_contracts()
    assert form.form == path.stem
    for made in form.maps:
        assert set(made.columns) <= set(contracts[made.entity].columns)
        required = {name for name, spec in contracts[made.entity].columns.items() if spec.required}
        assert required <= set(made.columns)
        assert set(made.needs) <= {other.form for other in catalogue()}
    assert bool(form.maps) != bool(form.resembles_nothing)


def columns_of(form: ExportForm) -> dict[str, str]:
    """Columns that a form names, with a value that each may hold."""
    text = "\n".join(made.source + " ".join(made.columns.values()) + str(made.timezone) for made in form.maps)
    values = dict.fromkeys(form.headers, "1")
    kinds = {
        "time": "2024-01-05 10:00:00",
        "number": "1.50",
        "whole": "2",
        "zero": "1.50",
        "sum": "1.50",
        "status": "paid",
    }
    for place in PLACE.finditer(text):
        if place["name"] and place["kind"] != "table" and (place["kind"] in kinds or place["name"] not in values):
            values[place["name"]] = kinds.get(place["kind"], "1")
    return {name.replace("*", " (EST)"): value for name, value in values.items()}


@pytest.mark.parametrize("is_whole", [True, False], ids=["all columns", "required columns"])
@pytest.mark.parametrize("form", [f for f in catalogue() if f.maps], ids=lambda form: form.form)
def test_maps_of_forms_are_valid_with_and_without_optional_columns(
    drafts: Drafts, form: ExportForm, is_whole: bool
) -> None:
    """One row, in a file with every column that the form names, or with those alone that it needs."""
    for needed in catalogue():
        wanted = needed is form or (is_whole and any(needed.form in made.needs for made in form.maps))
        if wanted:
            every = columns_of(needed)
            names = list(every) if is_whole else [n for n in every if column_of(n, needed.headers) or "(EST)" in n]
            values = [every[name] for name in names]
            drafts.put(f"{needed.form}.csv", "\t".join(names) + "\n" + "\t".join(values) + "\n")
    drafts.init()
    config = drafts.config()
    expected = {made.entity for made in form.maps if is_whole or not made.needs_columns}
    assert expected <= set(config.sources["shop"].maps)
    audits = load_and_conform(config)
    assert {entity for entity in expected if audits[entity].accepted == 0} == set()


# names that are YAML of their own -------------------------------------------------------------------

LINE_ENDS = ["\n", "\r\n", "\x85", "\u2028", "\u2029", "\x0b", "\x0c"]  # a workbook cannot hold the last two
OWN_YAML = ["maps: {}", "- x", "# y", "'z", '"w', "{v", "*u", "&t", "!s", "%r", "---", "${HOME}", "$${HOME}"]


@pytest.mark.parametrize(
    ("break_", "kind"), [*((end, "csv") for end in LINE_ENDS), *((end, "excel") for end in LINE_ENDS[:5])]
)
def test_a_header_with_any_line_end_writes_no_line_of_its_own(drafts: Drafts, break_: str, kind: str) -> None:
    """Neither as a column of a map nor in a comment; the draft reads the file as it is."""
    amount, other = f"Amount{break_}maps: {{}}", f"note{break_}system: other{break_}connector: {{kind: sqlite}}"
    header = ["Order ID", "Customer", "Order Date", amount, other]
    table = [[f"R{i}", f"C{i % 3}", f"2024-01-{i + 1:02d}", f"{i}.50", "x"] for i in range(20)]
    if kind == "csv":
        quoted = ",".join('"' + cell + '"' for cell in header)
        drafts.put("orders.csv", "\n".join([quoted, *(",".join(row) for row in table)]) + "\n")
    else:
        workbook(drafts.root / "exports" / "orders.xlsx", {"Sheet": [header, *table]})
    drafts.init()
    raw = yaml.safe_load(drafts.yaml())
    assert (raw["system"], raw["connector"]["kind"]) == ("shop", kind)
    own = [line for line in drafts.yaml().splitlines() if line.strip() and not line.startswith((" ", "#"))]
    assert [line.split(":")[0] for line in own] == ["system", "timezone", "connector", "tables", "maps"]
    load_and_conform(drafts.config())
    assert rows(drafts.config(), "select sum(net_amount), count(*) from input.sales_order") == [(Decimal("200.00"), 20)]


def test_names_that_look_like_yaml_are_texts(drafts: Drafts) -> None:
    """Of files, of columns that are used, and of those that are not."""
    header = ["Order ID", "Customer", "Order Date", f"Amount {OWN_YAML[2]}", *(f"{text}" for text in OWN_YAML)]
    cells = [",".join('"' + cell.replace('"', '""') + '"' for cell in header)]
    cells += [f"R{i},C{i % 3},2024-01-{i + 1:02d},{i}.50" + ",x" * len(OWN_YAML) for i in range(20)]
    drafts.put("orders # [1] {a}: 'b' \n maps.csv", "\n".join(cells) + "\n")
    drafts.init()
    assert yaml.safe_load(drafts.yaml())["connector"]["kind"] == "csv"
    load_and_conform(drafts.config())
    assert rows(drafts.config(), "select sum(net_amount), count(*) from input.sales_order") == [(Decimal("200.00"), 20)]


def test_a_file_whose_name_is_no_text_is_left_out_and_named(drafts: Drafts) -> None:
    drafts.put("orders.csv", "Order ID,Customer,Order Date,Amount\n1,a,2024-01-05,10.50\n2,b,2024-01-06,20.50\n")
    Path(os.fsdecode(os.fsencode(drafts.root / "exports") + b"/caf\xe9.csv")).write_text("id,name\n1,a\n")
    assert "its name is not UTF-8; rename it" in drafts.init()
    connector = connector_of({"kind": "csv", "path": str(drafts.root / "exports")}, {"t": {"path": "c*.csv"}})
    with pytest.raises(RegularsError, match=r"the name of .*caf\\udce9.csv is not UTF-8\. Rename the file"):
        connector.columns("t")
