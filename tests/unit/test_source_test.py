"""source test: rows and rejected lines of each table by reading it, and maps that are no SQL over their tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.authoring import preview
from orchestration.authoring.preview import tried
from orchestration.cli.main import app
from orchestration.config.company import load_company
from orchestration.warehouse.dbt import unread_entities
from tests.support.shop import SOURCE, Shop


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
    assert counts()[1] == ("3", "not looked at")
    monkeypatch.setattr(preview, "MOST", 3)
    assert counts()[1] == ("3", "0")


def test_every_kind_of_text_is_counted_by_reading(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    source_of(shop, "json", {"events.jsonl": '{"id": 1}\n{"id": \n{"id": 3}\n'})
    assert counts() == [("2", "1")]
    with monkeypatch.context() as small:
        small.setattr(preview, "MOST", 1)
        assert counts() == [("more than 1", "1 so far")]
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


def test_a_map_that_is_no_sql_over_its_tables_is_found_before_anything_is_loaded(shop: Shop) -> None:
    columns = {"order_id": "o.order_no", "ordered_at": "o.placed_at", "net_amount": "o.totall"}
    for source, key in (("orders", r"columns\.order_id"), ("select * from orders o where nothing = 1", "from")):
        shop.with_map("sales_order", **{"from": source, "columns": columns})
        [wrong] = [found for found in tried(load_company("shop"), ["till"]) if found.error]
        assert wrong.table == "map of sales_order"
        assert re.search(rf"till\.yml: key 'maps\.sales_order\.{key}': value", wrong.error or "")
    shop.with_map("sales_order", **{"from": "select o.* from orders o", "columns": {
        "order_id": "order_no", "ordered_at": "placed_at", "net_amount": "total"}})  # fmt: skip
    assert [found.error for found in tried(load_company("shop"), ["till"]) if found.error] == []


def test_entities_that_are_stored_and_read_by_no_table_are_named(shop: Shop) -> None:
    lead = {"from": "orders", "columns": {"lead_id": "order_no", "created_at": "placed_at"}}
    decided = {
        "from": "customers",
        "columns": {"left_system": "'a'", "left_customer_id": "id", "right_system": "'b'", "right_customer_id": "id",
                    "decision": "'same'", "decided_at": "changed_at"},
    }  # fmt: skip
    shop.configure(source={"maps": SOURCE["maps"] | {"lead": lead, "manual_match": decided}})  # type: ignore[operator]
    assert unread_entities(load_company("shop")) == ["lead"]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_preview_reads_no_more_files_than_it_needs(shop: Shop, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Forty files, a reader of which has a buffer of 32 MiB: all at once they need 1,280 of the 300 MiB there are."""
    for day in range(40):
        text = f"id,name\n{day}-1,a\n{day}-2,b\n" if kind == "csv" else f'{{"id": "{day}-1"}}\n{{"id": "{day}-2"}}\n'
        (shop.data / f"day_{day:02}.{kind}").write_text(text)
    maps = {"customer": {"from": "select * from days", "columns": {"customer_id": "id", "full_name": "_source_row"}}}
    shop.configure(
        source={"connector": {"kind": kind, "path": "${SHOP_DATA}"}, "tables": {"days": {"path": f"day_*.{kind}"}},
                "maps": maps}
    )  # fmt: skip
    config = load_company("shop")
    with monkeypatch.context() as small:
        small.setattr(preview, "memory_database", lambda: duckdb.connect(config={"memory_limit": "300MiB"}))
        assert len(preview.rows_as_received(config, "till", "days", 1)) == 1
        rows = preview.rows_as_received(config, "till", "days", 3)
        mapped = preview.rows_as_mapped(config, "till", "customer", 79)
    assert [(row["id"], row["_source_row"]) for row in rows] == [("0-1", 1), ("0-2", 2), ("1-1", 1)]
    assert len({row["customer_id"] for row in mapped}) == 79
    assert {row["full_name"] for row in mapped} == {"1", "2"}


@pytest.mark.parametrize("word", ["end", "Order", "at"])
def test_a_column_that_is_called_like_a_word_of_sql_is_told_how_to_be_written(shop: Shop, word: str) -> None:
    (shop.data / "p.csv").write_text(f"id,{word}\n1,a\n")
    source = {"connector": {"kind": "csv", "path": "${SHOP_DATA}"}, "tables": {"p": {"path": "p.csv"}}}

    def errors(expression: str) -> list[str | None]:
        maps = {"customer": {"from": "p", "columns": {"customer_id": "id", "full_name": expression}}}
        shop.configure(source={**source, "maps": maps})
        return [found.error for found in tried(load_company("shop"), ["till"]) if found.error]

    [error] = errors(word)
    assert str(error).endswith(f"write it in double quotes, since {word} is a word of SQL: '\"{word}\"'")
    assert errors(f'"{word}"') == []
