"""Columns that a later load or the map spells in another way: accents as marks, and the case of any letter."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.authoring.preview import rows_as_mapped, tried
from orchestration.config.company import load_company
from tests.support.conforming import load_and_conform, rows
from tests.support.shop import Shop

NAMES = ("Bestellschlüssel", "Käufer", "Größe", "Était le")


def spelled(how: str) -> list[str]:
    forms = {
        "as it is": NAMES,
        "marks": [unicodedata.normalize("NFD", name) for name in NAMES],
        "capitals": ["BESTELLSCHLÜSSEL", "KÄUFER", "GRÖßE", "ÉTAIT LE"],
        "small": [name.lower() for name in NAMES],
        "both": [unicodedata.normalize("NFD", name.lower()) for name in NAMES],
    }
    return list(forms[how])


def put(folder: Path, kind: str, day: int, how: str, again: bool = False) -> None:
    """Two orders of a day; the first of a later day is the second of the day before with other values, or the same."""
    names, path = spelled(how), folder / f"orders_{day}.{kind}"
    values = [(f"B{day}", "K1", f"{day}.50", f"2025-03-0{day}"), (f"B{day + 1}", "K2", f"{day}.25", f"2025-03-0{day}")]
    if again:
        values = [(f"B{order}", f"K{order}", f"{order}.50", f"2025-03-0{order}") for order in (day, day + 1)]
    shown = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as con:
        con.execute(f"create table t ({shown.replace(', ', ' varchar, ')} varchar)")
        con.executemany(f"insert into t ({shown}) values (?, ?, ?, ?)", values)
        con.execute(f"copy t to '{path}'" + (" (header)" if kind == "csv" else ""))


def configure(shop: Shop, folder: Path, kind: str, how: str, **table: object) -> None:
    key, buyer, amount, day = spelled(how)
    columns = {
        "order_id": f'"{key}"',
        "customer_id": f'"{buyer}"',
        "net_amount": f'"{amount}"',
        "ordered_at": f'"{day}"',
    }
    shop.configure(
        source={
            "timezone": "UTC",
            "connector": {"kind": kind, "path": str(folder)},
            "tables": {"orders": {"path": f"orders_*.{kind}", "load": {"mode": "files"}, **table}},
            "maps": {"sales_order": {"from": "orders", "columns": columns}},
        }
    )


FORMS = ["marks", "capitals", "both"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(("first", "later", "said"), [*((f, "as it is", "as it is") for f in FORMS),
                                                      *(("as it is", f, "as it is") for f in FORMS),
                                                      *(("as it is", "as it is", f) for f in FORMS),
                                                      ("marks", "capitals", "both")])  # fmt: skip
def test_a_later_load_works_as_the_first(
    shop: Shop, tmp_path: Path, kind: str, first: str, later: str, said: str
) -> None:
    """Each load by itself, and with a key over both: the second day's B2 replaces the first day's."""
    folder = tmp_path / "in"
    folder.mkdir()
    configure(shop, folder, kind, said, key=[spelled(said)[0]])
    put(folder, kind, 1, first)
    config = load_company("shop")
    assert not [one.error for one in tried(config, ["till"]) if one.error]
    assert rows_as_mapped(config, "till", "sales_order", 5)[0]["net_amount"] == Decimal("1.50")
    load_and_conform(config)
    put(folder, kind, 2, later)
    load_and_conform(config, day=1)
    found = rows(
        config,
        "select order_id, customer_id, net_amount from input.sales_order where _superseded_at is null order by 1",
    )
    assert found == [("B1", "K1", Decimal("1.50")), ("B2", "K1", Decimal("2.50")), ("B3", "K2", Decimal("2.25"))]


def test_a_query_and_an_overlap_in_other_letters(shop: Shop, tmp_path: Path) -> None:
    """`from` is a query over files of three spellings; `overlap` has a fourth. Each order counts once."""
    folder = tmp_path / "in"
    folder.mkdir()
    configure(shop, folder, "csv", "as it is", overlap=[spelled("capitals")[0]])
    own = load_company("shop").sources["till"].maps["sales_order"].columns
    query = 'select * exclude ("käufer"), "käufer" as buyer from orders'
    shop.configure(
        source={
            "timezone": "UTC",
            "connector": {"kind": "csv", "path": str(folder)},
            "tables": {
                "orders": {"path": "orders_*.csv", "load": {"mode": "files"}, "overlap": [spelled("capitals")[0]]}
            },
            "maps": {"sales_order": {"from": query, "columns": {**own, "customer_id": "buyer"}}},
        }
    )
    for day, how in enumerate(("marks", "capitals", "small"), start=1):
        put(folder, "csv", day, how, again=True)
        load_and_conform(load_company("shop"), day=100 + day)
    found = rows(
        load_company("shop"),
        "select order_id, customer_id, _flags from input.sales_order where _superseded_at is null order by 1",
    )
    assert found == [(f"B{order}", f"K{order}", None) for order in (1, 2, 3, 4)]
