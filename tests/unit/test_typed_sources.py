"""Numbers, ids and shapes of sources whose values have types: workbooks, JSON, XML, Parquet, SQLite."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import io
import json
import sqlite3
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.authoring.preview import rows_as_mapped, rows_as_received, tried
from orchestration.config.company import load_company
from orchestration.conform.casting import cleaned, true_text
from orchestration.connectors.base import Part
from orchestration.connectors.excel import as_text
from orchestration.connectors.excel_cells import unread_cells
from orchestration.connectors.excel_extent import bound, extent_of, sparse_extent, xlsx_filled
from orchestration.connectors.json_twice import nested_twice, twice_sql
from orchestration.connectors.numbers import as_written, exact_text, marked_text, number_text, written
from orchestration.platform.errors import RegularsError
from orchestration.privacy.subject import id_text
from tests.support.conforming import load_and_conform, rows
from tests.support.shop import Shop
from tests.support.systems import connector_of, take
from tests.unit.test_connectors_files import workbook

GERMAN = {"decimal": ",", "thousands": ".", "date": ["%d.%m.%Y"]}
HEADER: list[object] = ["no", "buyer", "day", "total"]
DAY = dt.datetime(2025, 3, 1, 10)
ORDERS = {
    "sales_order": {
        "from": "orders",
        "columns": {"order_id": "no", "customer_id": "buyer", "ordered_at": "day", "net_amount": "total"},
    }
}


def connect_orders(shop: Shop, kind: str, folder: Path, **more: Any) -> None:
    """Let the shop's only source be a folder of such files."""
    source = {
        "timezone": "UTC",
        "connector": {"kind": kind, "path": str(folder), **more.pop("connector", {})},
        "tables": {"orders": None},
        "maps": ORDERS,
    }
    shop.configure(source=source | more)


def amounts() -> dict[str, Decimal]:
    """Order → net amount of what was accepted."""
    found = rows(
        load_company("shop"), "select order_id, net_amount from input.sales_order where _superseded_at is null"
    )
    return dict(found)


def waiting() -> list[tuple[str, str]]:
    """(Column, value) of orders in quarantine."""
    found = rows(load_company("shop"), "select column_name, value from quarantine.sales_order order by all")
    return [(row[0], row[1]) for row in found]


# numbers beside text of another format -----------------------------------------------------------


def test_number_cells_beside_german_text_are_the_numbers_that_they_are(shop: Shop, tmp_path: Path) -> None:
    values: list[object] = [2.75, "2,75", 3.125, "3.125", 40.0, "1.000,5", 0.1 + 0.2, -7.5]
    sheet = [HEADER, *([f"B{i}", "C1", DAY, value] for i, value in enumerate(values))]
    workbook(tmp_path / "orders.xlsx", {"orders": sheet})
    connect_orders(shop, "excel", tmp_path, formats=GERMAN)
    load_and_conform(load_company("shop"))
    assert [amounts()[f"B{i}"] for i in range(len(values))] == [
        Decimal(x) for x in ("2.75", "2.75", "3.125", "3125", "40", "1000.5", "0.3", "-7.5")
    ]


def test_maps_see_numbers_as_their_source_writes_them(shop: Shop, tmp_path: Path) -> None:
    workbook(tmp_path / "orders.xlsx", {"orders": [HEADER, ["B1", 2.5, DAY, 9.25], ["B2", "2,5", DAY, "9,25"]]})
    maps = {
        "sales_order": {
            "from": "orders",
            "columns": ORDERS["sales_order"]["columns"]
            | {"customer_id": "buyer || ' l'", "net_amount": "replace(total, ',', '.')::decimal(18, 2)"},
        }
    }  # type: ignore[operator]
    connect_orders(shop, "excel", tmp_path, formats=GERMAN, maps=maps)
    load_and_conform(load_company("shop"))
    assert set(rows(load_company("shop"), "select customer_id, net_amount from input.sales_order")) == {
        ("2,5 l", Decimal("9.25"))
    }
    assert [row["total"] for row in rows_as_received(load_company("shop"), "till", "orders", 9)] == ["9,25", "9,25"]
    assert [row["customer_id"] for row in rows_as_mapped(load_company("shop"), "till", "sales_order", 9)] == [
        "2,5 l", "2,5 l",
    ]  # fmt: skip


def test_formats_may_change_after_the_load(shop: Shop, tmp_path: Path) -> None:
    """What was landed under one format is read right under another: the lake does not depend on it."""
    workbook(tmp_path / "orders.xlsx", {"orders": [HEADER, ["B1", "C1", DAY, 1.234], ["B2", "C1", DAY, "1.234"]]})
    connect_orders(shop, "excel", tmp_path)
    load_and_conform(load_company("shop"))
    assert amounts() == {"B1": Decimal("1.234"), "B2": Decimal("1.234")}
    connect_orders(shop, "excel", tmp_path, formats=GERMAN)
    load_and_conform(load_company("shop"))
    assert amounts() == {"B1": Decimal("1.234"), "B2": Decimal(1234)}


def test_date_cells_beside_dates_in_text(shop: Shop, tmp_path: Path) -> None:
    """Both in a time stamp and in a date of the contract; the cell's day is the day, whatever format the text has."""
    sheet: list[list[object]] = [
        ["no", "born", "seen"],
        ["K1", dt.datetime(1980, 2, 1), dt.datetime(2025, 2, 1, 9, 30)],
        ["K2", "01.02.1980", "01.02.2025 09:30"],
    ]
    workbook(tmp_path / "orders.xlsx", {"orders": sheet})
    columns = {"customer_id": "no", "birth_date": "born", "registered_at": "seen"}
    connect_orders(
        shop, "excel", tmp_path, formats=GERMAN | {"timestamp": ["%d.%m.%Y %H:%M"]},
        maps={"customer": {"from": "orders", "columns": columns}},
    )  # fmt: skip
    load_and_conform(load_company("shop"))
    assert (
        rows(load_company("shop"), "select birth_date, registered_at from input.customer")
        == [(dt.date(1980, 2, 1), dt.datetime(2025, 2, 1, 9, 30))] * 2
    )


def test_json_numbers_are_no_german_text_nested_ones_neither(shop: Shop, tmp_path: Path) -> None:
    lines = [
        {"no": "J1", "buyer": 7, "day": "01.03.2025", "total": 2.5, "sums": {"net": 1.125, "note": "a:1.125,"}},
        {"no": "J2", "buyer": 7.0, "day": "02.03.2025", "total": "2,5", "sums": {"net": "1,125"}},
    ]
    (tmp_path / "orders.ndjson").write_text("\n".join(map(json.dumps, lines)))
    columns = ORDERS["sales_order"]["columns"] | {"tax_amount": "sums ->> '$.net'"}  # type: ignore[operator]
    connect_orders(shop, "json", tmp_path, formats=GERMAN, maps={"sales_order": {"from": "orders", "columns": columns}})
    load_and_conform(load_company("shop"))
    found = rows(load_company("shop"), "select customer_id, net_amount, tax_amount from input.sales_order")
    assert found == [("7", Decimal("2.5"), Decimal("1.125"))] * 2
    received = rows_as_received(load_company("shop"), "till", "orders", 9)
    assert json.loads(received[0]["sums"])["note"] == "a:1.125,"


def test_sqlite_numbers_beside_german_text(shop: Shop, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "till.db") as con:
        con.execute("create table orders (no, buyer, day, total)")
        con.executemany(
            "insert into orders values (?, ?, '01.03.2025', ?)",
            [("S1", 17.0, 4.125), ("S2", 17, "4,125"), ("S3", "17", 8), ("S4", "17", 1e20), ("S5", 3e15, 1.0)],
        )
    connect_orders(shop, "sqlite", tmp_path / "till.db", formats=GERMAN)
    load_and_conform(load_company("shop"))
    found = rows(load_company("shop"), "select order_id, customer_id, net_amount from input.sales_order order by 1")
    assert found == [("S1", "17", Decimal("4.125")), ("S2", "17", Decimal("4.125")), ("S3", "17", Decimal(8))]
    assert [column for column, _ in waiting()] == ["customer_id", "net_amount"]


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=300, deadline=None)
@given(FINITE, st.sampled_from([".", ","]))
def test_every_number_cell_keeps_fifteen_digits_in_every_format(value: float, decimal: str) -> None:
    with duckdb.connect() as con:
        found = con.execute(f"select {written('$1::varchar', decimal)}", [number_text(value)]).fetchone()
    assert found is not None
    assert float(found[0].replace(decimal, ".")) == float(f"{value:.15g}")
    assert decimal == "." or "." not in found[0]


@settings(max_examples=200, deadline=None)
@given(st.one_of(FINITE, st.integers(-(2**60), 2**60).map(float), st.integers(0, 10**6).map(float)))
def test_whole_doubles_are_integers_as_text_or_have_an_exponent(value: float) -> None:
    with duckdb.connect() as con:
        [(plain, marked)] = con.execute(
            f"select {exact_text('v', 'DOUBLE')}, {marked_text('v', 'DOUBLE')} from (select $1::double as v)", [value]
        ).fetchall()
    if value.is_integer() and abs(value) < 2**53:
        assert plain == marked == str(int(value))
    else:
        assert float(plain) == float(marked) == value
        assert "e" in marked


def test_text_that_only_looks_like_a_number_stays() -> None:
    texts = ["007", "12e5", "A1.5e0", "1.234", "1e0", "{not json", '"5.5e0"', "2.5e0x", "-", "e0"]
    with duckdb.connect() as con:
        con.execute("create table t as select unnest($1) as v", [texts])
        for decimal in (".", ","):
            assert [row[0] for row in con.execute(as_written("from t", {"v": "VARCHAR"}, decimal)).fetchall()] == texts


# ids ---------------------------------------------------------------------------------------------


def test_an_id_is_one_customer_whatever_its_type_in_which_month(shop: Shop, tmp_path: Path) -> None:
    """Integer, double, decimal and text, in files of one load and of several."""
    kinds = ("bigint", "double", "varchar", "decimal(12, 2)", "integer", "float", "double")
    values = "4711 as buyer", "4711.0 as buyer"
    connect_orders(shop, "parquet", tmp_path, tables={"orders": {"path": "*.parquet", "load": {"mode": "files"}}})
    for month, kind in enumerate(kinds):
        with duckdb.connect() as con:
            value = values[0] if kind == "varchar" else values[1]
            con.execute(
                f"copy (select {month}::{kind if kind != 'varchar' else 'double'} as no, {value.split()[0]}::{kind} "
                "as buyer, timestamp '2025-03-01' as day, "
                f"{month}.25 as total) to '{tmp_path}/{month}.parquet'"
            )
        if month not in {0, 3}:
            load_and_conform(load_company("shop"), day=month)
    found = rows(load_company("shop"), "select order_id, customer_id, net_amount from input.sales_order order by 1")
    assert found == [(str(month), "4711", Decimal(f"{month}.25")) for month in range(len(kinds))]


def test_numbers_that_became_text_in_a_later_load_are_read_together(shop: Shop, tmp_path: Path) -> None:
    """A query over several loads of a table sees one column, by its ids and amounts."""
    connect_orders(
        shop, "parquet", tmp_path, formats=GERMAN,
        tables={"orders": {"path": "*.parquet", "load": {"mode": "files"}}},
        maps={"sales_order": {"from": "select * from orders", "columns": ORDERS["sales_order"]["columns"]}},
    )  # fmt: skip
    for month, (buyer, total) in enumerate([("12.0::double", "2.125::double"), ("'12'", "'3,125'")]):
        with duckdb.connect() as con:
            con.execute(
                f"copy (select 'P{month}' as no, {buyer} as buyer, timestamp '2025-03-01' as day, {total} as total) "
                f"to '{tmp_path}/{month}.parquet'"
            )
        load_and_conform(load_company("shop"), day=month)
    found = rows(load_company("shop"), "select order_id, customer_id, net_amount from input.sales_order order by 1")
    assert found == [("P0", "12", Decimal("2.125")), ("P1", "12", Decimal("3.125"))]


def test_ids_that_lost_digits_are_refused_with_their_value(shop: Shop, tmp_path: Path) -> None:
    """Two ids of 17 digits are one double; the same ids as text are two customers."""
    with duckdb.connect() as con:
        con.execute(
            "copy (select * from (values ('D1', 90071992547409930.0::double), ('D2', 12.0), ('D3', 'nan'::double), "
            "('D4', 9007199254740991.0)) t(no, buyer), (select timestamp '2025-03-01' as day, 1.5 as total)) "
            f"to '{tmp_path}/orders.parquet'"
        )
    connect_orders(shop, "parquet", tmp_path)
    load_and_conform(load_company("shop"))
    found = rows(load_company("shop"), "select order_id, customer_id from input.sales_order order by 1")
    assert found == [("D2", "12"), ("D4", "9007199254740991")]
    assert [column for column, _ in waiting()] == ["customer_id", "customer_id"]


def test_long_ids_in_workbooks_are_exact_text_or_refused(shop: Shop, tmp_path: Path) -> None:
    sheet = [HEADER, ["E1", "8901234567890123456", DAY, 1.0], ["E2", 8901234567890123456, DAY, 2.0],
             ["E3", 123456789012345, DAY, 3.0], ["E4", 4000000000000000, DAY, 4.0],
             ["E5", "1,5E+12", DAY, 5.0]]  # fmt: skip
    workbook(tmp_path / "orders.xlsx", {"orders": sheet})
    connect_orders(shop, "excel", tmp_path)
    load_and_conform(load_company("shop"))
    found = rows(load_company("shop"), "select order_id, customer_id from input.sales_order order by 1")
    assert found == [("E1", "8901234567890123456"), ("E3", "123456789012345")]
    assert [value for _, value in waiting()] == ["1,5E+12", "4e+15", "8.90123456789012e+18"]


def test_times_that_are_numbers_wait_until_the_map_says_what_they_count(shop: Shop, tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"copy (select 'T1' as no, 'C1' as buyer, 1740823200000 as day, 1 as total) to '{tmp_path}/orders.parquet'"
        )
    connect_orders(shop, "parquet", tmp_path)
    load_and_conform(load_company("shop"))
    assert waiting() == [("ordered_at", "1740823200000")]
    columns = ORDERS["sales_order"]["columns"] | {"ordered_at": "epoch_ms(day)"}  # type: ignore[operator]
    connect_orders(shop, "parquet", tmp_path, maps={"sales_order": {"from": "orders", "columns": columns}})
    load_and_conform(load_company("shop"))
    assert rows(load_company("shop"), "select ordered_at from input.sales_order") == [(dt.datetime(2025, 3, 1, 10),)]


# workbooks ---------------------------------------------------------------------------------------


def test_errors_and_formulas_without_a_value_are_no_blanks(shop: Shop, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "orders"
    for row in (HEADER, ["F1", "C1", DAY, 1.0], ["F2", "#REF!", DAY, 2.0], ["F3", "C3", DAY, "=1/0"],
                ["F4", None, DAY, 4.0], ["F5", "#NAME?", DAY, 5.0]):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "orders.xlsx")
    connect_orders(shop, "excel", tmp_path)
    load_and_conform(load_company("shop"))
    assert amounts() == {"F1": Decimal(1), "F4": Decimal(4)}
    assert waiting() == [("customer_id", "#NAME?"), ("customer_id", "#REF!"), ("net_amount", "#NOT CALCULATED!")]


@pytest.mark.parametrize(
    ("text", "is_error"),
    [
        ("Err:502", True), ("Err:522", True), ("Erro:504", True), ("Fehler:508", True), ("Err\u00a0:512", True),
        ("#ERROR!", True), ("#ЗНАЧ!", True), ("#YOK", True), ("#¡REF!", True), ("#NV", True),
        ("Erroll:502", False), ("Err:50", False), ("Err:5020", False), ("Err:402", False), ("SKU:502", False),
        ("Error", False), ("Fehler", False), ("Erna", False), ("#1", False), ("#sale", False),
    ],
)  # fmt: skip
def test_errors_of_spreadsheets_are_no_ids_and_no_text(text: str, is_error: bool) -> None:
    with duckdb.connect() as con:
        for is_id in (True, False):
            sql = f"select {true_text('x', 'VARCHAR', is_id)} from (values ($1)) t(x)"
            assert con.execute(sql, [text]).fetchall() == [(None if is_error else text,)]


def test_error_cells_of_binary_workbooks_and_open_documents(tmp_path: Path) -> None:
    """Records and elements as their specifications have them: MS-XLSB 2.4, ODF 1.3 with LibreOffice's calcext."""

    def record(kind: int, content: bytes) -> bytes:
        number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return number + bytes([len(content)]) + content

    def text(value: str) -> bytes:
        return len(value).to_bytes(4, "little") + value.encode("utf-16-le")

    def cell(column: int) -> bytes:
        return column.to_bytes(4, "little") + bytes(4)

    relations = '<Relationships xmlns="urn:x"><Relationship Id="rId1" Target="worksheets/sheet1.bin"/></Relationships>'
    with zipfile.ZipFile(tmp_path / "t.xlsb", "w") as archive:
        archive.writestr("xl/workbook.bin", record(156, bytes(8) + text("rId1") + text("May")))
        archive.writestr("xl/_rels/workbook.bin.rels", relations)
        content = record(0, (4).to_bytes(4, "little") + bytes(20)) + record(3, cell(2) + b"\x2a")
        content += (
            record(0, (9).to_bytes(4, "little") + bytes(20)) + record(1, cell(0)) + record(11, cell(300) + b"\x17")
        )
        archive.writestr("xl/worksheets/sheet1.bin", content)
    assert unread_cells(tmp_path / "t.xlsb", "May") == {(4, 2): "#N/A", (9, 300): "#REF!"}
    document = (
        '<d xmlns:t="urn:t" xmlns:o="urn:o" xmlns:c="urn:c" xmlns:x="urn:x"><t:table t:name="A">'
        '<t:table-row><t:table-cell c:value-type="error"><x:p>#N/A</x:p></t:table-cell></t:table-row></t:table>'
        '<t:table t:name="B"><t:table-row t:number-rows-repeated="3"><t:table-cell/></t:table-row><t:table-row>'
        '<t:table-cell t:number-columns-repeated="2"/><t:table-cell o:value-type="string" c:value-type="error">'
        "<x:p>#DIV/0!</x:p></t:table-cell></t:table-row></t:table></d>"
    )
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        archive.writestr("content.xml", document)
    assert unread_cells(tmp_path / "t.ods", "B") == {(3, 2): "#DIV/0!"}


# A workbook as Excel 97 wrote it, deflated. Sheet t: id, amount; C1 1.5; C2 2.5; C3 3.5; #N/A 9; C5 #DIV/0!; true true.
# Sheet Größe: #REF! in D1.
OLD_WORKBOOK = (
    "eNrtWE1oE0EU/mZ2N01Lkya1VVqhhIJVYy+1CF7a+IP2ZKleFBU0NTmU1kRCPKig1ZqjIHhSvBR68VL14g960JsHoaIHQSimeuxJUPHQdn3v7a"
    "6mdQ8N1GBlvzBv3r755u/Nm8nsvpmJlycfts9hBfphYMmuR6jCpijVew8xULlts+rlYUp2gHWF+jAtZMjCs8jrOl5DXu85aDwwX5IEPlE6iXMY"
    "zOeyiRpin4whrXgMfcqk2NO4SymKNhlXs8gzIjeIvC/c5yL3iOWGyD7iltVxzKQGk7vdOD6mO6UsSlLhsdT5IJYetOIVx/GVm8rhWthbGEmP/Z"
    "sFHWYjpkArN5DNZQvpsTJaaAmn8M1OAF+9vfoiEdhra1cg+4/l9jof+y1tAuOwTysOxBIimDW4xMJA4fvHbInO2x7LWfHiApKyPTlRqI5kSEmf"
    "zZ/PFelpfw+LnSx6Wexq4MNaNnds2eaOSMg3ksygSfS4BH6Mju+Fe1/eHhoeSp0Sy7gc6M6xv4XHCRtXuQZVjv4qMcAlSamxQ+Q1aXWz6O0iW2"
    "g+lHcNtbrKwQnhXJfSLuqnV/AutbVC30Z6af7wk47S59R20qcH5i62TL9PTaKT3JKh+vybQLfqVnduM56mvFy5B8SsyLY/DouwjskMTNjuf1sT"
    "LB2W+cSxSfXrZjxiIh0lv1ELn0qjwl2vPtUVPl0Un4H8wXCe2DvK5SsfvhI+t3hZN8h44jihHb724WvhGy7f8f684fANH74hfNPlG8K/ZDl8cw"
    "WfY8IUflIx2xR2lzt6y6d1S9gsua4l/DrF7JBP2yFhK1d3PCOxB7/YCxAgQIAAAQIEWAMo97JpyGUYcnEJuddQ/q6zSGkp+Ezy3+II8vQr0mvp"
    "AeQoL+BCVfGzEZby2lKrrON9L2Qcpd4LGMWwjGO06vilVxJVOZ9VV4yt3Raqtv+lasb5l/v/CTEB+zs="
)


def test_error_cells_of_old_workbooks_are_invalid_values(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.xls"
    path.write_bytes(zlib.decompress(base64.b64decode(OLD_WORKBOOK)))
    assert unread_cells(path, "Größe") == {(0, 3): "#REF!"}
    assert unread_cells(path, "June") == {}
    maps = {
        "sales_order": {
            "from": "orders",
            "columns": {"order_id": "id", "ordered_at": "'2025-03-01 10:00:00'", "net_amount": "amount"},
        }
    }
    connect_orders(shop, "excel", tmp_path, maps=maps, tables={"orders": {"format": {"sheet": "t"}}})
    load_and_conform(load_company("shop"))
    assert amounts() == {"C1": Decimal("1.5"), "C2": Decimal("2.5"), "C3": Decimal("3.5")}
    assert waiting() == [("net_amount", "#DIV/0!"), ("net_amount", "true"), ("order_id", "#N/A")]


def test_an_old_workbook_that_is_cut_off_tells_no_error_by_chance(tmp_path: Path) -> None:
    """Wherever it breaks off, what is found are its error cells, or none."""
    whole = zlib.decompress(base64.b64decode(OLD_WORKBOOK))
    path = tmp_path / "orders.xls"
    for size in (*range(0, len(whole), 37), len(whole)):
        path.write_bytes(whole[:size])
        assert unread_cells(path, "t").items() <= {(4, 0): "#N/A", (5, 1): "#DIV/0!"}.items()
    assert unread_cells(path, "t")


def far_ods(rows: int, columns: int) -> str:
    """A table of one row, and a block of one value that is repeated."""
    cell = '<table:table-cell office:value-type="string" {0}><text:p>{1}</text:p></table:table-cell>'
    block = cell.format(f'table:number-columns-repeated="{columns}"', "far")
    return (
        '<office:document-content xmlns:table="urn:t" xmlns:office="urn:o" xmlns:text="urn:x">'
        f'<table:table table:name="t"><table:table-row>{cell.format("", "id")}</table:table-row>'
        f'<table:table-row table:number-rows-repeated="{rows}"><table:table-cell/></table:table-row>'
        f"<table:table-row>{block}</table:table-row></table:table></office:document-content>"
    )


def test_one_cell_far_away_is_refused_and_fills_no_memory(tmp_path: Path) -> None:
    from openpyxl import Workbook

    for name, place in (("corner", "XFD1048576"), ("deep", "F1000000")):
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = "t"
        sheet["A1"], sheet["B1"], sheet["A2"], sheet[place] = "id", "amount", "C1", 5
        book.save(tmp_path / f"{name}.xlsx")
    with zipfile.ZipFile(tmp_path / "far.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<m/>")
        archive.writestr("content.xml", far_ods(1_000_000, 12))
    with zipfile.ZipFile(tmp_path / "corner.xlsx") as archive, zipfile.ZipFile(tmp_path / "bare.xlsx", "w") as bare:
        for item in archive.namelist():
            content = archive.read(item).replace(b'<c r="XFD1048576"', b"<c").replace(b'r="1048576"', b'r = "1048576"')
            bare.writestr(item, content)
    for name, told in (
        ("corner.xlsx", "only 4 cells are filled, and the farthest is in row 1,048,576, column 16,384"),
        ("deep.xlsx", "only 4 cells are filled, and the farthest is in row 1,000,000, column 6"),
        ("far.ods", "only 13 cells are filled, and the farthest is in row 1,000,002, column 12"),
    ):
        with pytest.raises(RegularsError, match=f"{name}, sheet 't': {told}.*Delete the rows and columns behind"):
            take(connector_of({"kind": "excel", "path": str(tmp_path / name)}))
    assert sparse_extent(tmp_path / "bare.xlsx", "t") is None  # without a reference it is its row's first: column A


def test_styled_cells_and_large_sheets_are_no_far_cells(tmp_path: Path) -> None:
    """Empty cells with a style reach nowhere; a table of many filled cells is read whatever its size."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "amount"])
    for number in range(100_001):
        sheet.append([f"C{number}", number])
    sheet["XFD1048576"].font = Font(bold=True)
    book.save(tmp_path / "t.xlsx")
    assert len(take(connector_of({"kind": "excel", "path": str(tmp_path / "t.xlsx")})).rows) == 100_001


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1_048_576), st.integers(1, 16_384)), min_size=1, max_size=8, unique=True))
def test_no_sheet_reaches_beyond_its_bound(places: list[tuple[int, int]]) -> None:
    from openpyxl.utils import get_column_letter

    cells = "".join(f'<row r="{r}"><c r="{get_column_letter(c)}{r}"><v>1</v></c></row>' for r, c in sorted(places))
    content = f"<sheetData>{cells}</sheetData>".encode()
    outer, exact = bound(io.BytesIO(content)), extent_of(xlsx_filled(io.BytesIO(content)))
    assert (exact.rows, exact.columns) == (max(r for r, _ in places), max(c for _, c in places))
    assert outer.rows >= exact.rows
    assert outer.columns >= exact.columns
    assert (outer.filled, exact.filled) == (len(places), len(places))


def test_hidden_sheets_are_read_only_if_they_are_named(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    workbook(tmp_path / "book.xlsx", {"codes": [["a"], ["1"]], "May": [["b"], ["2"]]})
    book = load_workbook(tmp_path / "book.xlsx")
    book["codes"].sheet_state = "veryHidden"
    book.save(tmp_path / "book.xlsx")
    settings_ = {"kind": "excel", "path": str(tmp_path / "book.xlsx")}
    assert connector_of(settings_).discover() == ["May"]
    assert take(connector_of(settings_)).rows == [("2",)]
    assert take(connector_of(settings_ | {"sheet": "codes"})).rows == [("1",)]


@pytest.mark.parametrize(("merged", "amount"), [("text", "#MERGED!"), ("all", "30")])
def test_merged_cells_count_for_all_their_rows(tmp_path: Path, merged: str, amount: str) -> None:
    from openpyxl import load_workbook

    rows_ = [["no", "day", "sku", "total"], ["M1", DAY, "A", 30], [None, None, "B", None], ["M2", DAY, "C", 5]]
    workbook(tmp_path / "t.xlsx", {"t": rows_})
    book = load_workbook(tmp_path / "t.xlsx")
    for span in ("A2:A3", "B2:B3", "D2:D3"):
        book["t"].merge_cells(span)
    book.save(tmp_path / "t.xlsx")
    taken = take(connector_of({"kind": "excel", "path": str(tmp_path), "merged": merged}))
    day = "2025-03-01 10:00:00"
    assert taken.rows == [("M1", day, "A", "30"), ("M1", day, "B", amount), ("M2", day, "C", "5")]


def test_shares_and_times_of_day_in_cells() -> None:
    assert [as_text(value) for value in (0.19, dt.time(9, 30), -0.0, 1e-7, 12345678901234.5)] == [
        "0.19e0", "09:30:00", "0", "1e-07", "12345678901234.5e0",
    ]  # fmt: skip


# JSON --------------------------------------------------------------------------------------------


def test_objects_with_a_key_twice_are_rejected_one_by_one(tmp_path: Path) -> None:
    lines = ['{"id": 1, "sum": 5}', '{"id": 2, "sum": 6, "sum": 7}', '{"id": 3, "Sum": 8, "sum": 9}', '{"id": 4}']
    (tmp_path / "t.ndjson").write_text("\n".join(lines))
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert taken.rows == [("1", "5"), ("4", None)]
    assert [(r["_source_row"], r["reason_code"]) for r in taken.rejected] == [(2, "key_twice"), (3, "key_twice")]
    (tmp_path / "t.ndjson").unlink()
    (tmp_path / "t.json").write_text(f"[{', '.join(lines)}]")
    again = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert (again.rows, [r["_source_row"] for r in again.rejected]) == (taken.rows, [2, 3])


def test_keys_that_differ_by_case_from_line_to_line_are_one_column(tmp_path: Path) -> None:
    lines = ['{"Customer_ID": "a", "n": 1}', '{"customer_id": "b"}', '{"CUSTOMER_ID ": "c", "N": 2}']
    (tmp_path / "t.ndjson").write_text("\n".join(lines))
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert [name.lower() for name in taken.columns] == ["customer_id", "n"]
    assert taken.rows == [("a", "1"), ("b", None), ("c", "2")]


def test_long_numbers_whole_doubles_and_half_characters(tmp_path: Path) -> None:
    lines = [
        '{"id": 98765432109876543210}', '{"id": 31.0}', '{"id": "31.0"}', '{"id": 3.10}', '{"id": "a\\ud801b"}',
        '{"id": 1e3}', '{"id": 12345678901234567.0}', '{"id": "x\\"y\\u00e9"}', '{"id": true}', '{"id": null}',
    ]  # fmt: skip
    (tmp_path / "t.ndjson").write_text("\n".join(lines))
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert [row[0] for row in taken.rows] == [
        "98765432109876543210", "31", "31.0", "3.1e0", "1000", "1.23456789012346e+16", 'x"yé', "true", None,
    ]  # fmt: skip
    assert [r["_source_row"] for r in taken.rejected] == [5]


def test_a_list_in_a_json_file_is_read_and_a_document_gets_a_hint(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('\ufeff\n [ {"id": 1},\n {"id": "\\ud800"}, {"id": 98765432109876543210} ]')
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert (taken.rows, len(taken.rejected)) == ([("1",), ("98765432109876543210",)], 1)
    (tmp_path / "t.json").write_text(json.dumps({"page": 1, "orders": [{"id": 1}]}, indent=1))
    with pytest.raises(RegularsError, match=r"Set format\.records of the table to the list of records: orders"):
        take(connector_of({"kind": "json", "path": str(tmp_path)}))


def test_a_test_counts_what_only_reading_can_count(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "orders.ndjson").write_text('{"no": 1}\n{"no": 2}\nno object\n')
    connect_orders(shop, "json", tmp_path)
    [found] = [row for row in tried(load_company("shop"), ["till"]) if row.table == "orders"]
    assert (found.row()["rows"], found.row()["rejected"]) == ("2", "1")


# XML ---------------------------------------------------------------------------------------------


def test_a_child_that_repeats_somewhere_is_a_list_everywhere(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text("<r><o><n>1</n><l><s>a</s><t>x</t></l></o><o><n>2</n></o></r>")
    (tmp_path / "2.xml").write_text("<r><o><n>3</n><l><s>b</s><t>y</t><t>z</t></l><l><s>c</s></l></o></r>")
    connector = connector_of({"kind": "xml", "path": str(tmp_path), "record": "r/o"}, {"t": {"path": "*.xml"}})
    taken = take(connector)
    assert taken.columns == ["n", "l"]
    assert [(n, line and json.loads(line)) for n, line in taken.rows] == [
        ("1", [{"s": "a", "t": '["x"]'}]), ("2", None), ("3", [{"s": "b", "t": '["y", "z"]'}, {"s": "c"}]),
    ]  # fmt: skip


def test_a_list_can_be_declared_for_files_in_which_nothing_repeats(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_text("<r><o><n>1</n><l><s>a</s></l></o></r>")
    taken = take(connector_of({"kind": "xml", "path": str(tmp_path), "record": "r/o", "lists": ["l"]}))
    assert (taken.columns, taken.rows) == (["n", "l"], [("1", '[{"s": "a"}]')])


def test_one_name_from_several_places_is_several_columns(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_text(
        '<f xmlns="urn:a" xmlns:m="urn:m"><i id="9"><id>A</id><name>x</name><m:name>y</m:name><m:price>1</m:price>'
        "<a_b>5</a_b><a><b>6</b></a></i><i><id>B</id><m:name>z</m:name></i></f>"
    )
    taken = take(connector_of({"kind": "xml", "path": str(tmp_path), "record": "f/i"}))
    found = [dict(zip(taken.columns, row, strict=True)) for row in taken.rows]
    assert found[0] == {"id_attribute": "9", "id": "A", "name": "x", "m_name": "y", "price": "1", "a_b": "5",
                        "a_b_2": "6"}  # fmt: skip
    assert (found[1]["id"], found[1]["name"], found[1]["m_name"]) == ("B", None, "z")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("17.0", "double"), ("17", "bigint"), ("17.00", "decimal(9, 2)"), ("17.0", "varchar"), ("17.5", "double"),
        ("a\t", "varchar"), ("\u00a0Zoe\u0308\u200b", "varchar"), ("4503599627370496", "double"), ("17", "float"),
    ],
)  # fmt: skip
def test_an_erasure_finds_ids_in_the_lake_as_conform_has_them(value: str, kind: str) -> None:
    """Whoever is forgotten by the id of an input table is found in raw rows by the same id."""
    source = {"double": "DOUBLE", "bigint": "BIGINT", "decimal(9, 2)": "DECIMAL(9,2)", "float": "FLOAT"}.get(
        kind, "VARCHAR"
    )
    conformed = true_text(cleaned("v", source, is_id=True), source)
    with duckdb.connect() as con:
        [(raw, input_id)] = con.execute(
            f"select {id_text('v')}, {conformed} from (select $1::varchar::{kind} as v)", [value]
        ).fetchall()
    assert raw == input_id
    assert raw


# bytes that are no text --------------------------------------------------------------------------


def test_bytes_of_sqlite_that_are_no_text_are_rejected_by_row_and_column(shop: Shop, tmp_path: Path) -> None:
    """Text, blobs, and two values that would be one character if they stood together; in the first column, too."""
    with sqlite3.connect(tmp_path / "till.db") as con:
        con.execute("create table orders (no, buyer, day, total, [a {}])")
        for no, buyer, total in (
            ("'Q1'", "'Zoë {}'", "1.5"), ("'Q2'", "cast(x'4dfc6c' as text)", "2.5"), ("'Q3'", "x'ff00'", "3"),
            ("cast(x'c3' as text)", "cast(x'a9' as text)", "4"), ("'Q5'", "x'c3a9'", "5"), ("'Q6'", "'b'", "6"),
        ):  # fmt: skip
            con.execute(f"insert into orders values ({no}, {buyer}, '2025-03-01', {total}, null)")
    taken = take(connector_of({"kind": "sqlite", "path": str(tmp_path / "till.db")}, {"orders": None}), "orders")
    assert [(row[0], row[1]) for row in taken.rows] == [("Q1", "Zoë {}"), ("Q5", "é"), ("Q6", "b")]
    assert taken.numbers == [1, 5, 6]
    assert [(r["_source_row"], r["reason_code"], r["column_name"], r["value"]) for r in taken.rejected] == [
        (2, "wrong_encoding", "buyer", "M\\xFCl"), (3, "wrong_encoding", "buyer", "\\xFF\\x00"),
        (4, "wrong_encoding", "no", "\\xC3"),
    ]  # fmt: skip
    assert json.loads(taken.rejected[0]["raw_record"])["no"] == "Q2"
    connect_orders(shop, "sqlite", tmp_path / "till.db")
    load_and_conform(load_company("shop"))
    assert amounts() == {"Q1": Decimal("1.5"), "Q5": Decimal(5), "Q6": Decimal(6)}


# XML text beside attributes and elements ---------------------------------------------------------


def xml_rows(folder: Path, content: str, record: str = "r/o") -> list[dict[str, Any]]:
    """Records of an XML file, without what is null."""
    (folder / "t.xml").write_text(content)
    taken = take(connector_of({"kind": "xml", "path": str(folder), "record": record}))
    found = (dict(zip(taken.columns, row, strict=True)) for row in taken.rows)
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def test_text_of_elements_with_attributes_is_kept_in_lists_and_outside(tmp_path: Path) -> None:
    content = (
        '<r><o><n>1</n><item sku="A" amt="5.00">2</item><item sku="B" value="x">3<u>kg</u></item><item>4</item>'
        '<price currency="EUR">10</price></o></r>'
    )
    [found] = xml_rows(tmp_path, content)
    assert (found["price"], found["price_currency"]) == ("10", "EUR")
    assert json.loads(found["item"]) == [
        {"sku": "A", "amt": "5.00", "value": "2"},
        {"sku": "B", "value_attribute": "x", "u": "kg", "value": "3"},
        "4",
    ]


def test_text_between_elements_is_kept(tmp_path: Path) -> None:
    content = (
        '<r><o id="2">blue<x>1</x></o><o id="3"><p>Hello <b>big</b> world</p><l>a<i>b</i>c</l><l> <i>d</i> </l></o></r>'
    )
    first, second = xml_rows(tmp_path, content)
    assert first == {"id": "2", "x": "1", "value": "blue"}
    assert (second["p"], second["p_b"]) == ("Hello big world", "big")
    assert json.loads(second["l"]) == [{"i": "b", "value": "abc"}, {"i": "d"}]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_word_of_an_xml_record_is_lost(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Every text and attribute of random records stands in some column."""
    words: list[str] = []

    def word() -> str:
        words.append(f"w{len(words)}z")
        return words[-1]

    def element(depth: int) -> str:
        name = data.draw(st.sampled_from(["a", "b", "n:a", "n:b"]))
        attributes = f' k="{word()}"' if data.draw(st.booleans()) else ""
        parts = [word() if data.draw(st.booleans()) else ""]
        for _ in range(data.draw(st.integers(0, 3 if depth < 3 else 0))):
            parts += [element(depth + 1), word() if data.draw(st.booleans()) else ""]
        return f"<{name}{attributes}>{''.join(parts)}</{name}>"

    records = "".join(f"<o>{word()}{element(0)}{element(1)}</o>" for _ in range(2))
    folder = tmp_path_factory.mktemp("x")
    text = json.dumps(xml_rows(folder, f'<r xmlns:n="urn:n">{records}</r>'))
    assert [one for one in words if one not in text] == []


def test_a_place_that_a_later_record_makes_a_list_takes_no_other_column(tmp_path: Path) -> None:
    content = '<r xmlns:n="urn:n"><o><n:a>x</n:a><a><b/></a></o><o><a/><a/></o></r>'
    assert xml_rows(tmp_path, content)[0] == {"n_a": "x", "a": '[{"b": null}]'}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("declared", ["record", "element"])
def test_an_element_of_no_namespace_has_the_plain_name(tmp_path: Path, turned: bool, declared: str) -> None:
    space = ' xmlns:g="urn:g"'
    both = [f"<g:title{space if declared == 'element' else ''}>g</g:title>", "<title>t</title>"]
    if turned:
        both.reverse()
    content = f"<r{space if declared == 'record' else ''}><o>{''.join(both)}</o></r>"
    assert xml_rows(tmp_path, content) == [{"title": "t", "g_title": "g"}]


def test_entities_that_are_declared_nowhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match="line 2: an entity that is declared nowhere"):
        xml_rows(tmp_path, '<!DOCTYPE r SYSTEM "r.dtd">\n<r><o><n>a&mdash;b</n></o></r>')


# files that have nothing -------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "lacks"), [("", "is empty"), ("<r></r>", "holds no element r/o")])
def test_an_xml_file_without_records_is_left_out_and_told(tmp_path: Path, content: str, lacks: str) -> None:
    (tmp_path / "1.xml").write_text(content)
    connection = {"kind": "xml", "path": str(tmp_path), "record": "r/o"}
    with pytest.raises(RegularsError, match=rf"1\.xml: {lacks}"):
        take(connector_of(connection, {"t": {"path": "*.xml"}}))
    (tmp_path / "2.xml").write_text("<r><o><n>1</n></o></r>")
    connector = connector_of(connection, {"t": {"path": "*.xml"}})
    assert take(connector).rows == [("1",)]
    assert connector.notes("t") == [f"{tmp_path}/1.xml {lacks} and is left out"]
    assert list(connector.headers("t")) == [f"{tmp_path}/2.xml"]
    for wrong in ("<s/>", "<r><p><o><n>2</n></o></p></r>"):
        (tmp_path / "1.xml").write_text(wrong)
        with pytest.raises(RegularsError, match=r"1\.xml: no element r/o"):
            take(connector_of(connection, {"t": {"path": "*.xml"}}))


def test_an_empty_workbook_or_parquet_file_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "1.xlsx").touch()
    workbook(tmp_path / "2.xlsx", {"t": []})
    connection, tables = {"kind": "excel", "path": str(tmp_path)}, {"t": {"path": "*.xlsx"}}
    with pytest.raises(RegularsError, match=r"1\.xlsx: is empty"):
        take(connector_of(connection, tables))
    workbook(tmp_path / "3.xlsx", {"t": [["n"], [7]]})
    connector = connector_of(connection, tables)
    assert take(connector).rows == [("7",)]
    assert connector.notes("t") == [
        f"{tmp_path}/1.xlsx is empty and is left out", f"{tmp_path}/2.xlsx has an empty sheet and is left out",
    ]  # fmt: skip
    assert list(connector.headers("t")) == [f"{tmp_path}/3.xlsx"]
    (tmp_path / "1.parquet").touch()
    connection, tables = {"kind": "parquet", "path": str(tmp_path)}, {"t": {"path": "*.parquet"}}
    with pytest.raises(RegularsError, match=r"1\.parquet: is empty"):
        take(connector_of(connection, tables))
    with duckdb.connect() as con:
        con.execute(f"copy (select 7 as n) to '{tmp_path}/2.parquet'")
    connector = connector_of(connection, tables)
    assert take(connector).rows == [(7,)]
    assert take(connector, part=Part(files=(f"{tmp_path}/1.parquet",))).rows == []
    assert connector.notes("t") == [f"{tmp_path}/1.parquet is empty and is left out"]


# sheets with rows that are none ------------------------------------------------------------------


def sheet_edited(path: Path, before: str, after: str) -> None:
    """Write a workbook again with another text in its first sheet's XML."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = parts["xl/worksheets/sheet1.xml"].decode()
    assert before in content
    parts["xl/worksheets/sheet1.xml"] = content.replace(before, after).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


@pytest.mark.parametrize("error", ["#SPILL!", "#CALC!", "#BUSY!", "#PYTHON!"])
def test_errors_that_the_reader_does_not_know_are_shown_like_others(tmp_path: Path, error: str) -> None:
    rows_: list[list[object]] = [["no", "total"], [1, "#REF!"], [2, "#SPILL!"], [3, 5.5], [4, "#N/A"]]
    workbook(tmp_path / "t.xlsx", {"t": rows_})
    text = '<c r="A3" t="n"><v>2</v></c><c r="B3" t="inlineStr"><is><t>#SPILL!</t></is></c>'
    sheet_edited(tmp_path / "t.xlsx", text, f'<c r="A3" t="e"/><c r="B3" t="e"><f>X1#</f><v>{error}</v></c>')
    taken = take(connector_of({"kind": "excel", "path": str(tmp_path)}))
    assert taken.rows == [("1", "#REF!"), ("#N/A", error), ("3", "5.5e0"), ("4", "#N/A")]


def test_a_sheet_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    workbook(tmp_path / "t.xlsx", {"t": [["no"], [1]]})
    sheet_edited(tmp_path / "t.xlsx", "</sheetData>", "</wrong>")
    with pytest.raises(RegularsError, match=r"t\.xlsx, sheet 't': not readable"):
        take(connector_of({"kind": "excel", "path": str(tmp_path)}))


def test_headers_inside_a_sheet_and_rows_wider_than_the_header_are_rejected(tmp_path: Path) -> None:
    rows_: list[list[object]] = [
        ["No", "Total"], [1, 5], ["no ", "TOTAL"], [2, 6, None, "x"], [None, "Total"], [3, 7, " "], [None, None, 9],
    ]  # fmt: skip
    workbook(tmp_path / "t.xlsx", {"t": rows_})
    taken = take(connector_of({"kind": "excel", "path": str(tmp_path)}))
    assert taken.rows == [("1", "5"), (None, "Total"), ("3", "7")]
    assert taken.numbers == [2, 5, 6]
    assert [(r["_source_row"], r["reason_code"], r["raw_record"]) for r in taken.rejected] == [
        (3, "repeated_header", "no \tTOTAL\t\t"), (4, "too_many_columns", "2\t6\t\tx"),
        (7, "too_many_columns", "\t\t9\t"),
    ]  # fmt: skip
    taken = take(connector_of({"kind": "excel", "path": str(tmp_path), "header": False}))
    assert (len(taken.rows), taken.rejected) == (7, [])


# keys of JSON objects ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["ndjson", "json"])
def test_keys_twice_in_objects_inside_a_record_and_keys_with_nul_are_rejected(tmp_path: Path, suffix: str) -> None:
    lines = [
        '{"id": 1, "t": {"net": 5, "net": 50}}',
        '{"id": 2, "t": {"net": 5, "Net": 50}}',
        '{"id": 3, "l": [{"net": 5}, {"net": 6, "net": 6}]}',
        '{"id": 4, "l": [{"net": 5}, {"net": 6}], "t": {"id": 7, "net": 8}}',
        '{"id": 5, "b\\u0000": 2}',
        '{"id": 6, "t": {"net": 1, "u": {"n\\u0065t": 2, "net": 3}}}',
        '{"id": 7, "t": {"a.b": 1, "a": {"b": 2}}}',
        '{"id": 8, "t": null}',
    ]
    content = "\n".join(lines) if suffix == "ndjson" else f"[{', '.join(lines)}]"
    (tmp_path / f"t.{suffix}").write_text(content)
    taken = take(connector_of({"kind": "json", "path": str(tmp_path)}))
    assert taken.columns == ["id", "l", "t"]
    assert [row[0] for row in taken.rows] == ["4", "7", "8"]
    assert sorted((r["_source_row"], r["reason_code"]) for r in taken.rejected) == [
        (1, "key_twice"), (2, "key_twice"), (3, "key_twice"), (5, "nul_character"), (6, "key_twice"),
    ]  # fmt: skip


KEYS = st.sampled_from(["a", "A", "b", " b", "ä", "Ä", "ä ", 'q"', "\\", "B"])


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, and objects as their pairs: a key may stand twice."""
    return st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner), max_size=3).map(tuple)


def as_written_json(value: Any, escaped: bool) -> str:
    if isinstance(value, tuple):
        pairs = (f"{json.dumps(key, ensure_ascii=escaped)}: {as_written_json(item, escaped)}" for key, item in value)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return f"[{', '.join(as_written_json(item, escaped) for item in value)}]"
    return json.dumps(value, ensure_ascii=escaped)


def has_twice(value: Any) -> bool:
    """Whether an object in a value has a key twice, whatever its case and blanks."""
    if isinstance(value, tuple):
        keys = [key.strip(" ").lower() for key, _ in value]
        return len(set(keys)) < len(keys) or any(has_twice(item) for _, item in value)
    return isinstance(value, list) and any(map(has_twice, value))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.recursive(st.integers() | st.sampled_from(["x", 'y":', '\\": {']), objects, max_leaves=12), max_size=9),
    st.booleans(),
)
@example([(("ä", 1), ("Ä", 2)), (("a", 1), ("b", 2)), [((" b", 1), ("b", 2))], (('q"', 1),)], True)
def test_keys_twice_inside_records_are_found_as_by_taking_all_apart(values: list[Any], escaped: bool) -> None:
    texts = [f'{{"id": 1, "ID": 2, "v": {as_written_json(value, escaped)}}}' for value in values]
    schema = pa.schema([("_source_file", pa.string()), ("_source_row", pa.int64()), ("line", pa.string())])
    table = pa.table([["f"] * len(texts), list(range(len(texts))), texts], schema=schema)
    with duckdb.connect() as con:
        con.register("records", table)
        found = {row["row"] for row in nested_twice(con, "select * from records").to_pylist()}
        exact = {row[1] for row in con.execute(twice_sql("records")).fetchall()}
    assert found == exact == {row for row, value in enumerate(values) if has_twice(value)}


def test_a_file_in_which_all_keys_hold_nul_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.ndjson").write_text('{"b\\u0000": 2}')
    with pytest.raises(RegularsError, match="holds no JSON object"):
        take(connector_of({"kind": "json", "path": str(tmp_path)}))


def test_a_map_of_a_list_that_no_record_has_twice_yet_is_told_the_cure(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "orders.xml").write_text("<r><o><no>1</no><line><sku>A</sku></line></o></r>")
    maps = {"sales_order": {"from": "orders", "columns": ORDERS["sales_order"]["columns"] | {"order_id": "line"}}}  # type: ignore[operator]
    connect_orders(shop, "xml", tmp_path, connector={"record": "r/o"}, maps=maps)
    with pytest.raises(RegularsError, match=r"no record has more than one line, name it in the table's format\.lists"):
        load_and_conform(load_company("shop"))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_column_with_a_name_of_the_lake_is_refused(tmp_path: Path, kind: str) -> None:
    """In any case of its letters, before anything is taken for it; names that only look so are read."""
    path = tmp_path / "t.db"
    refused = {"t0": "_source_flags", "t1": "_SOURCE_ROW", "t2": "file_row_number", "t3": "_raw_row"}
    statements = [f'create table {table} (id text, "{name}" text)' for table, name in refused.items()]
    statements += ['create table t (id text, filename text, "rowid" text, r text)']
    statements += ["insert into t values ('a', 'b', 'c', 'd')"]
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as con:
            con.executescript(";".join(statements))
    else:
        with duckdb.connect(str(path)) as base:
            base.execute(";".join(statements))
    connector = connector_of({"kind": kind, "path": str(path)}, dict.fromkeys(["t", *refused]))
    assert take(connector, "t").rows == [("a", "b", "c", "d")]
    for table, name in refused.items():
        with pytest.raises(RegularsError, match=f"table {table}: column {name} has a name that the lake.*Make a view"):
            connector.columns(table)
        with pytest.raises(RegularsError, match="has a name that the lake needs"):
            take(connector, table)
