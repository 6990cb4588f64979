"""Columns over the files of a table: one whose name changes is refused by file and name, before anything lands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.config.company import load_company
from orchestration.landing.lake import Lake
from orchestration.platform.errors import ConfigError
from tests.support.conforming import load_and_conform, rows
from tests.support.shop import Shop
from tests.unit.test_connectors_files import workbook

Rows = list[dict[str, Any]]


def put_csv(path: Path, found: Rows) -> None:
    lines = [list(found[0]), *([str(value) for value in row.values()] for row in found)]
    path.with_suffix(".csv").write_text("".join(",".join(line) + "\n" for line in lines))


def put_excel(path: Path, found: Rows) -> None:
    workbook(path.with_suffix(".xlsx"), {"t": [list(found[0]), *(list(row.values()) for row in found)]})


def put_json(path: Path, found: Rows) -> None:
    path.with_suffix(".ndjson").write_text("".join(json.dumps(row) + "\n" for row in found))


def put_parquet(path: Path, found: Rows) -> None:
    fields = ", ".join(f"'{value}' as \"{name}\"" for name, value in found[0].items())
    with duckdb.connect() as con:
        con.execute(f"copy (select {fields}) to '{path.with_suffix('.parquet')}'")


def put_xml(path: Path, found: Rows) -> None:
    inner = "".join(
        "<o>" + "".join(f"<{name}>{value}</{name}>" for name, value in row.items()) + "</o>" for row in found
    )
    path.with_suffix(".xml").write_text(f"<r>{inner}</r>")


KINDS: list[tuple[str, Callable[[Path, Rows], None]]] = [
    ("csv", put_csv), ("excel", put_excel), ("json", put_json), ("parquet", put_parquet), ("xml", put_xml),
]  # fmt: skip
EACH_KIND = pytest.mark.parametrize(("kind", "put"), KINDS, ids=[kind for kind, _ in KINDS])
COLUMNS = {"order_id": "no", "customer_id": "buyer", "ordered_at": "day", "net_amount": "total"}


def order(no: str, buyer: str = "buyer", **more: str) -> dict[str, Any]:
    """An order, whose buyer stands in a column of some name."""
    return {"no": no, buyer: "C7", "day": "2025-03-01", "total": "9.50", **more}


def connect(shop: Shop, kind: str, folder: Path, mode: str = "files", **table: Any) -> None:
    columns = table.pop("columns", COLUMNS)
    connector = {"kind": kind, "path": str(folder)} | ({"record": "r/o"} if kind == "xml" else {})
    shop.configure(
        source={
            "connector": connector,
            "tables": {"orders": {"path": "*", "load": {"mode": mode}, **table}},
            "maps": {"sales_order": {"from": "orders", "columns": columns}},
        }
    )


def orders() -> list[tuple[Any, ...]]:
    return rows(load_company("shop"), "select order_id, customer_id from input.sales_order order by 1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "days"
    found.mkdir()
    return found


@EACH_KIND
@pytest.mark.parametrize("mode", ["files", "full"])
def test_a_renamed_column_is_refused_in_the_first_load(
    shop: Shop, folder: Path, kind: str, put: Callable[[Path, Rows], None], mode: str
) -> None:
    put(folder / "1", [order("A1")])
    put(folder / "2", [order("A2", "client")])
    connect(shop, kind, folder, mode)
    with pytest.raises(ConfigError, match=r"table orders, file .*/2\..*customer_id': value 'buyer'.*new in it: client"):
        load_and_conform(load_company("shop"))
    assert Lake(load_company("shop").paths.lake).manifests() == []


@EACH_KIND
def test_a_renamed_column_of_a_later_day_is_refused_and_lands_once_it_is_mended(
    shop: Shop, folder: Path, kind: str, put: Callable[[Path, Rows], None]
) -> None:
    """Days before it still lie there, and would hide what is gone."""
    put(folder / "1", [order("A1")])
    connect(shop, kind, folder)
    load_and_conform(load_company("shop"))
    put(folder / "2", [order("A2", "client")])
    with pytest.raises(ConfigError, match=r"file .*/2\..*value 'buyer'"):
        load_and_conform(load_company("shop"), day=1)
    assert len(Lake(load_company("shop").paths.lake).manifests()) == 1
    put(folder / "2", [order("A2")])
    load_and_conform(load_company("shop"), day=2)
    assert orders() == [("A1", "C7"), ("A2", "C7")]


@EACH_KIND
def test_case_of_names_is_no_difference(shop: Shop, folder: Path, kind: str, put: Callable[[Path, Rows], None]) -> None:
    put(folder / "1", [order("A1")])
    put(folder / "2", [order("A2", "Buyer")])
    connect(shop, kind, folder)
    load_and_conform(load_company("shop"))
    put(folder / "3", [order("A3", "BUYER")])
    load_and_conform(load_company("shop"), day=1)
    assert orders() == [("A1", "C7"), ("A2", "C7"), ("A3", "C7")]
    assert not any(m.drift for m in Lake(load_company("shop").paths.lake).manifests())


@EACH_KIND
def test_a_column_that_no_map_reads_may_come_and_go_and_is_reported(
    shop: Shop, folder: Path, kind: str, put: Callable[[Path, Rows], None]
) -> None:
    put(folder / "1", [order("A1", note="x")])
    connect(shop, kind, folder)
    load_and_conform(load_company("shop"))
    put(folder / "2", [order("A2")])
    load_and_conform(load_company("shop"), day=1)
    put(folder / "3", [order("A3")])
    load_and_conform(load_company("shop"), day=2)
    assert [str(m.drift) for m in Lake(load_company("shop").paths.lake).manifests()] == [
        "", "column note VARCHAR is gone", "",
    ]  # fmt: skip
    assert len(orders()) == 3


@EACH_KIND
def test_a_column_that_files_may_lack_is_empty_there(
    shop: Shop, folder: Path, kind: str, put: Callable[[Path, Rows], None]
) -> None:
    columns = COLUMNS | {"customer_id": "coalesce(buyer, client)"}
    put(folder / "1", [order("A1")])
    connect(shop, kind, folder, may_lack=["buyer", "client"], columns=columns)
    load_and_conform(load_company("shop"))
    put(folder / "2", [order("A2", "client")])
    load_and_conform(load_company("shop"), day=1)
    assert orders() == [("A1", "C7"), ("A2", "C7")]


def test_a_key_of_json_may_be_missing_in_some_records_but_not_in_all(shop: Shop, folder: Path) -> None:
    put_json(folder / "1", [order("A1"), {"no": "A2", "day": "2025-03-01", "total": "1"}])
    connect(shop, "json", folder)
    load_and_conform(load_company("shop"))
    assert orders() == [("A1", "C7"), ("A2", None)]
    put_json(folder / "2", [{"no": "A3", "day": "2025-03-01", "total": "1"}])
    with pytest.raises(ConfigError, match=r"file .*/2\.ndjson: lacks a column that is needed"):
        load_and_conform(load_company("shop"), day=1)


def test_a_file_without_the_tables_key_is_refused(shop: Shop, folder: Path) -> None:
    put_csv(folder / "1", [order("A1", code="k")])
    put_csv(folder / "2", [order("A2")])
    connect(shop, "csv", folder, key=["code"])
    with pytest.raises(ConfigError, match=r"file .*/2\.csv: .*name the column 'code'"):
        load_and_conform(load_company("shop"))


def test_a_map_over_several_tables_is_checked_in_the_first_load_too(shop: Shop, folder: Path) -> None:
    put_csv(folder / "1", [order("A1")])
    put_csv(folder / "2", [order("A2", "client")])
    connect(shop, "csv", folder)
    (folder.parent / "states.csv").write_text("no,state\nA1,completed\n")
    shop.configure(
        source={
            "connector": {"kind": "csv", "path": str(folder.parent)},
            "tables": {"states": None, "orders": {"path": "days/*", "load": {"mode": "files"}}},
            "maps": {"sales_order": {"from": "select * from orders left join states using (no)", "columns": COLUMNS}},
        }
    )
    with pytest.raises(ConfigError, match=r"file .*/2\.csv: lacks a column that is needed"):
        load_and_conform(load_company("shop"))
