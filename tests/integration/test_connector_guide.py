"""Every block of the guide is run against the real thing that it describes."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.authoring.preview import rows_as_mapped, tried
from orchestration.config.company import load_company
from orchestration.connectors.registry import KINDS
from orchestration.platform.paths import PROJECT
from orchestration.platform.yaml_model import UniqueKeyLoader
from tests.support.servers import PASSWORD, Server, mariadb, postgres
from tests.support.shop import Shop
from tests.unit.test_connectors_files import LINE, workbook

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("databases")]


def load_yaml(text: str) -> dict[str, Any]:
    """As configuration is read: `no` is a name."""
    found = yaml.load(text, Loader=UniqueKeyLoader)
    assert isinstance(found, dict)
    return found


GUIDE = (PROJECT / "docs" / "how-to" / "connect-a-source.md").read_text()
BLOCKS = {load_yaml(text)["connector"]["kind"]: text for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)}
TABLE = "create table orders (no varchar(9), day timestamp, total decimal(10,2)); " \
    "insert into orders values ('007', '2025-02-01 10:00:00', 1007.50);"  # fmt: skip


def csv(folder: Path) -> None:
    """Two daily exports."""
    for day in ("01", "02"):
        text = f"日报表\nno;day;total\n007-{day};{day}.02.2025 10:00;1.007,50\n"
        (folder / f"orders_{day}.csv").write_bytes(text.encode("gbk"))


def fixed_width(folder: Path) -> None:
    """One line."""
    (folder / "orders.txt").write_text("007   2025-02-01   1007.50\n", encoding="latin-1")


def excel(folder: Path) -> None:
    """A sheet with titles."""
    rows: list[list[object]] = [["Plan"], ["2025"], ["no", "day", "total"], ["007", "2025-02-01", 1007.5]]
    workbook(folder / "plan.xlsx", {"Orders 2025": rows})


def json_(folder: Path) -> None:
    """A packed file of lines, and a document."""
    line = json.dumps({"no": "007", "day": "2025-02-01", "amounts": {"net": 1007.5}})
    (folder / "o.ndjson.gz").write_bytes(gzip.compress(line.encode()))
    (folder / "crm.json").write_text(json.dumps({"data": {"items": [{"id": "C1", "address": {"city": "Köln"}}]}}))


def parquet(folder: Path) -> None:
    """A file."""
    with duckdb.connect() as con:
        con.execute(f"{TABLE} copy orders to '{folder}/orders.parquet'")


def xml(folder: Path) -> None:
    """A document."""
    (folder / "orders.xml").write_text(
        '<export><order no="007"><day>2025-02-01</day><total><net>1007.50</net></total></order></export>'
    )


def web_log(folder: Path) -> None:
    """A packed log."""
    (folder / "access.log.1.gz").write_bytes(gzip.compress(f"{LINE}\n".encode()))


def sqlite(folder: Path) -> None:
    """A file."""
    with sqlite3.connect(folder / "crm.db") as con:
        con.executescript(TABLE)


FILES: dict[str, Callable[[Path], None]] = {
    "csv": csv, "fixed_width": fixed_width, "excel": excel, "json": json_, "parquet": parquet, "xml": xml,
    "web_log": web_log, "sqlite": sqlite,
}  # fmt: skip


def check(shop: Shop, kind: str) -> None:
    """The block's tables can be read, and its maps make rows of them without a problem."""
    block = load_yaml(BLOCKS[kind])
    folder = shop.companies / "shop" / "sources"
    (folder / "till.yml").write_text(BLOCKS[kind])
    config = load_company("shop")
    assert [t.error for t in tried(config, ["till"])] == [None] * len(block["tables"])
    for entity in block["maps"]:
        rows = rows_as_mapped(config, "till", entity, 5)
        assert rows
        assert [row["problem"] for row in rows] == [""] * len(rows)
        if entity == "sales_order":
            assert {str(row["net_amount"]) for row in rows} == {"1007.5000"}
            assert {str(row["order_id"])[:3] for row in rows} == {"007"}


def test_the_guide_has_every_kind() -> None:
    """DuckDB's is SQLite's with another word."""
    assert set(BLOCKS) | {"duckdb"} == set(KINDS)


@pytest.mark.parametrize("kind", FILES)
def test_files(shop: Shop, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    monkeypatch.setenv("SHOP_DATA", str(folder))
    FILES[kind](folder)
    check(shop, kind)


@pytest.mark.parametrize(("kind", "start"), [("postgres", postgres), ("mysql", mariadb)])
def test_servers(
    shop: Shop, kind: str, start: Callable[[Path], Server], tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with start(tmp_path_factory.mktemp(kind)) as server:  # type: ignore[attr-defined]
        server.run(TABLE, "shop" if kind == "mysql" else "")
        for name, value in {"HOST": "127.0.0.1", "PORT": str(server.port), "PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(f"SHOP_{name}", value)
        check(shop, kind)
