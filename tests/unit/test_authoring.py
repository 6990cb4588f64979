"""Drafted maps, detected formats, and a company begun from a folder that nobody prepared."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from orchestration.authoring import preview
from orchestration.authoring.preview import rows_as_mapped, tried
from orchestration.authoring.scaffold import table_name
from orchestration.authoring.suggest import draft_for, expression, formats_of, suggest, words
from orchestration.cli import app
from orchestration.company import Formats, load_company
from orchestration.conform.casting import typed
from orchestration.conform.times import Zones
from orchestration.contracts import Column, load_contracts
from orchestration.errors import UsageError
from tests.support.shop import Shop


@pytest.mark.parametrize(
    ("formats", "kind", "value", "expected"),
    [
        ({"decimal": ",", "thousands": "."}, "money", "1.234,50", "1234.5000"),
        ({"decimal": ",", "thousands": "."}, "money", "-12,5", "-12.5000"),
        ({"decimal": ",", "thousands": "."}, "money", "1.5", None),  # a point between thousands only
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


def test_one_column_in_common_makes_no_entity() -> None:
    assert suggest("readings", {"id": ["1"], "volt": ["3"], "lot": ["x"]}, load_contracts()) == []
    [draft, *_] = suggest("stores", {"id": ["1"], "volt": ["3"], "lot": ["x"]}, load_contracts())
    assert draft.entity == "store"


def test_names_in_the_terms_of_the_contracts() -> None:
    assert words("CustNo") == ["customer", "id"]
    assert words("Geburtstag") == ["birth", "date"]
    assert words("e-mail") == ["email"]


SAMPLES = {
    "KundenNr": ["007", "8"], "Vorname": ["Jörg", "Zoë"], "Nachname": ["Müller", "Lang"],
    "E-Mail": ["a@b.de", "c@d.de"],
    "Geburtstag": ["01.02.1980", ""], "Telefon": ["0221 123456", "+49 30 999"], "Bemerkung": ["nett", ""],
}  # fmt: skip


def test_a_table_of_customers_in_another_language() -> None:
    [draft, *_] = suggest("kunden", SAMPLES, load_contracts())
    assert draft.entity == "customer"
    assert draft.columns == {
        "customer_id": "KundenNr", "given_name": "Vorname", "family_name": "Nachname", "birth_date": "Geburtstag",
        "email": "E-Mail", "phone": "Telefon",
    }  # fmt: skip
    assert draft.left_over == ("Bemerkung",)


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
    draft = draft_for("customers", {"id": ["1"], "mail": ["17", "18"]}, load_contracts()["customer"])
    assert draft.columns == {"customer_id": "id"}


def test_formats_are_found_and_doubtful_dates_left_alone() -> None:
    assert formats_of(["1.234,50", "7", "31.12.2024", "01.01.2025 10:00"]) == {
        "decimal": ",", "thousands": ".", "date": ["%d.%m.%Y"], "timestamp": ["%d.%m.%Y %H:%M"],
    }  # fmt: skip
    assert formats_of(["1,234.50", "12/31/2024"]) == {"thousands": ",", "date": ["%m/%d/%Y"]}
    assert formats_of(["01/02/2024", "1.5", "2024-01-02"]) == {}


def test_a_company_begun_from_a_folder_validates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    data = tmp_path / "my exports"
    data.mkdir()
    (data / "Orders 2024.csv").write_text("order_no;customer_no;order_date;total\n1;007;2024-02-01 10:00;12,50\n")
    (data / "lines.csv").write_text("order_no;pos;sku;qty;amount\n1;1;A;2;12,50\n")
    done = CliRunner().invoke(app, ["init", "corner_shop", "--data", str(data), "--timezone", "Europe/Berlin"])
    assert done.exit_code == 0, done.output
    source = load_company("corner_shop").sources["shop"]
    assert set(source.maps) == {"sales_order", "order_line"}
    assert source.formats.decimal == ","
    tested = CliRunner().invoke(app, ["source", "test", "--company", "corner_shop", "--json"])
    assert (tested.exit_code, [row["state"] for row in yaml.safe_load(tested.output)]) == (0, ["ok", "ok"])
    drafted = CliRunner().invoke(app, ["source", "suggest", "shop", "lines", "--company", "corner_shop"])
    assert "order_line:" in drafted.output
    assert yaml.safe_load(drafted.output)["order_line"]["columns"]["line_no"] == "pos"


def test_flat_sales_lines_become_orders_lines_customers_and_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One spreadsheet of sales, as shops export it; amounts are quantity times price, written with a comma."""
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    (tmp_path / "sales.csv").write_text(
        "Invoice;StockCode;Description;Quantity;InvoiceDate;Price;Customer ID;Country\n"
        "536365;85123A;Heart;2;25.12.2024 08:26;2,55;17850;UK\n"
        "536365;71053;Lantern;1;25.12.2024 08:26;1.003,39;17850;UK\n"
        "536366;71053;Lantern;-1;26.12.2024 09:00;1.003,39;;UK\n"
    )
    done = CliRunner().invoke(app, ["init", "gifts", "--data", str(tmp_path / "sales.csv")])
    assert done.exit_code == 0, done.output
    config = load_company("gifts")

    def made(entity: str, *columns: str) -> list[tuple[str, ...]]:
        rows = rows_as_mapped(config, "shop", entity, 10)
        assert {row["problem"] for row in rows} == {""}
        return sorted(tuple(str(row[column]) for column in columns) for row in rows)

    assert made("sales_order", "order_id", "customer_id", "ordered_at") == [
        ("536365", "17850", "2024-12-25 08:26:00"), ("536366", "None", "2024-12-26 09:00:00"),
    ]  # fmt: skip
    assert made("order_line", "order_id", "line_no", "product_id", "net_amount") == [
        ("536365", "1", "85123A", "5.1000"), ("536365", "2", "71053", "1003.3900"),
        ("536366", "1", "71053", "-1003.3900"),
    ]  # fmt: skip
    assert made("customer", "customer_id", "country") == [("17850", "UK")]
    assert made("product", "product_id", "name") == [("71053", "Lantern"), ("85123A", "Heart")]


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


def source_of(shop: Shop, kind: str, files: dict[str, str], **connector: object) -> None:
    """Make the shop's source one of the given files, each a table."""
    for name, text in files.items():
        (shop.data / name).write_text(text)
    record = {"format": {"record": "p/row"}} if kind == "xml" else {}
    tables = {Path(name).stem: {"path": name, **record} for name in files}
    maps = {"customer": {"from": next(iter(tables)), "columns": {"customer_id": "id"}}}
    shop.configure(
        source={"connector": {"kind": kind, "path": "${SHOP_DATA}", **connector}, "tables": tables, "maps": maps}
    )


def counts() -> list[tuple[str, str]]:
    return [(table.row()["rows"], table.row()["rejected"]) for table in tried(load_company("shop"), ["till"])]


def test_source_test_counts_rows_and_lines_that_are_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    broken = 'id,name\n1,"two\nlines"\n2\n3,c,too many\n4,d\n'
    source_of(shop, "csv", {"broken.csv": broken, "whole.csv": "id,name\n1,a\n2,b\n3,c\n", "none.csv": "id,name\n"})
    assert counts() == [("2", "2"), ("3", "0"), ("0", "0")]
    shown = CliRunner().invoke(app, ["source", "test", "--json"])
    assert shown.exit_code == 0
    assert [(row["rows"], row["rejected"]) for row in json.loads(shown.output)] == counts()
    monkeypatch.setattr(preview, "MOST", 2)
    assert counts()[1] == ("more than 2", "0 so far")
    monkeypatch.setattr(preview, "MOST", 3)
    assert counts()[1] == ("3", "0")


def test_every_kind_of_text_is_counted_by_reading(shop: Shop) -> None:
    source_of(shop, "json", {"events.jsonl": '{"id": 1}\n{"id": \n{"id": 3}\n'})
    assert counts() == [("2", "1")]
    source_of(shop, "xml", {"people.xml": "<p><row><id>1</id></row><row><id>2</id></row></p>"})
    assert counts() == [("2", "0")]


def test_a_large_table_that_counts_itself_is_not_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MOST", 100)
    found = {
        table.table: (table.row()["rows"], table.row()["rejected"]) for table in tried(load_company("shop"), ["till"])
    }
    assert found["orders"] == ("400", "not looked at")
    assert found["customers"] == ("40", "0")


def test_a_file_whose_rows_cannot_be_read_fails_though_its_columns_can(shop: Shop) -> None:
    whole = (shop.data / "orders.parquet").read_bytes()
    (shop.data / "orders.parquet").write_bytes(b"PAR1" + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    [failed] = [table for table in tried(load_company("shop"), ["till"]) if table.error]
    assert failed.table == "orders"
    assert "source till" in str(failed.error)
