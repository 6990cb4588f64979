"""An analyst's decision merges two customers, and taking it back parts them: facts and scores follow, both ways."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import Copier
from tests.support.equality import contents, difference
from tests.support.shop import Shop

FACTS = ("fct_order", "fct_order_line")
SCORES = ("customer_churn", "customer_value", "customer_lifecycle", "customer_360")
HEADER = ["left_system", "left_customer_id", "right_system", "right_customer_id", "decision"]


def decide(shop: Shop, left: str, right: str, decision: str) -> None:
    """Import one decision and refresh."""
    path = shop.root / "decisions.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([HEADER, ["till", left, "till", right, decision]])
    done = shop.regulars("review", "import", str(path), "--by", "tester")
    assert done.returncode == 0, done.stdout + done.stderr
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "facts changed months" in done.stdout


def key_of(shop: Shop, customer_id: str) -> int:
    with duckdb.connect(str(shop.published), read_only=True) as con:
        row = con.execute(
            "select customer_key from core.customer_xref where customer_id = ? and valid_to is null", [customer_id]
        ).fetchone()
    assert row is not None
    return int(row[0])


def sums(shop: Shop) -> dict[int, tuple[int, float]]:
    """Orders and their amount by customer."""
    with duckdb.connect(str(shop.published), read_only=True) as con:
        rows = con.execute("select customer_key, count(*), sum(net_amount) from core.fct_order group by 1").fetchall()
    return {key: (count, float(amount)) for key, count, amount in rows}


def state(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Facts and scores, without what only says which run made them."""
    found = contents(path, ("core", "marts"))
    return {name: rows for name, rows in found.items() if name.split(".")[1] in (*FACTS, *SCORES)}


@pytest.mark.slow
def test_a_merge_moves_every_fact_and_score_and_its_end_moves_them_back(copy: Copier) -> None:
    shop = copy()
    before, orders = state(shop.published), sums(shop)
    left, right = key_of(shop, "C2"), key_of(shop, "C5")
    assert orders[left][0] > 0
    assert orders[right][0] > 0

    decide(shop, "C2", "C5", "same")
    merged = sums(shop)
    survivor = key_of(shop, "C2")
    assert key_of(shop, "C5") == survivor
    assert survivor in (left, right)
    assert merged[survivor] == (orders[left][0] + orders[right][0], pytest.approx(orders[left][1] + orders[right][1]))
    assert ({left, right} - {survivor}).isdisjoint(merged)
    with duckdb.connect(str(shop.published), read_only=True) as con:
        gone = ({left, right} - {survivor}).pop()
        assert con.execute(
            "select event, from_customer_key, to_customer_key, records, reason from core.identity_event"
        ).fetchall() == [("merge", gone, survivor, 1, "decision of an analyst")]
        for table in SCORES:
            found = con.execute(f"select count(*) from marts.{table} where customer_key = {gone}").fetchone()
            assert found == (0,), table
        # The history says whose record it was before.
        spans = con.execute(
            "select customer_key, valid_to is null from core.customer_xref where source_customer_key = ? "
            "order by valid_from", [gone]
        ).fetchall()  # fmt: skip
        assert spans == [(gone, False), (survivor, True)]
    told = json.loads(shop.regulars("explain", "till:C2", "--json").stdout)
    assert {row["rule"] for row in told["records"]} == {"manual"}

    decide(shop, "C2", "C5", "withdrawn")
    assert (key_of(shop, "C2"), key_of(shop, "C5")) == (left, right)
    assert difference(state(shop.published), before) is None
    with duckdb.connect(str(shop.published), read_only=True) as con:
        events = con.execute("select event, to_customer_key from core.identity_event order by occurred_at").fetchall()
    assert events == [("merge", survivor), ("split", gone)]


@pytest.mark.slow
def test_decisions_that_contradict_each_other_are_reported_and_not_applied(copy: Copier) -> None:
    shop = copy()
    path = shop.root / "decisions.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([
            HEADER, ["till", "C1", "till", "C2", "same"], ["till", "C2", "till", "C4", "same"],
            ["till", "C1", "till", "C4", "different"], ["till", "C6", "till", "NOBODY", "same"],
        ])  # fmt: skip
    assert shop.regulars("review", "import", str(path), "--by", "tester").returncode == 0
    assert shop.regulars("refresh").returncode == 0
    assert len({key_of(shop, name) for name in ("C1", "C2", "C4", "C6")}) == 4
    with duckdb.connect(str(shop.published), read_only=True) as con:
        issues = con.execute(
            "select issue, occurrences from core.identity_issue where rule = 'manual' order by all"
        ).fetchall()
    assert issues == [("decision contradictory", 3), ("decision vanished", 1)]


def test_a_bad_decision_file_is_refused_with_its_row(copy: Copier) -> None:
    shop = copy()
    path = shop.root / "decisions.csv"
    path.write_text(",".join(HEADER) + "\ntill,C1,till,C2,maybe\n")
    done = shop.regulars("review", "import", str(path))
    assert done.returncode == 2
    assert "row 2: decision 'maybe'" in done.stderr
    path.write_text("left_system,decision\ntill,same\n")
    assert "lacks the column left_customer_id" in shop.regulars("review", "import", str(path)).stderr
