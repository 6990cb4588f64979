"""The comparison of two published databases tells every kind of difference, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.same_tables import differences

ROWS = "select i as key, 'name ' || i as name, i / 3.0 as share, 1.5::decimal(18, 4) as amount, now() as built_at"
TABLE = f"create table marts.kpi as {ROWS} from range(100) t(i)"


def database(path: Path, *statements: str) -> Path:
    """A published database."""
    with duckdb.connect(str(path)) as con:
        for statement in ("create schema core", "create schema marts", TABLE, *statements):
            con.execute(statement)
    return path


def test_the_same_rows_in_another_order_are_the_same(tmp_path: Path) -> None:
    """Runs' own columns do not count, nor do the last bits of a sum, nor rows that are there twice on both sides."""
    twice = "insert into marts.kpi select * from marts.kpi where key < 3"
    shuffled = "create or replace table marts.kpi as select * from marts.kpi order by hash(key)"
    old = database(tmp_path / "old.duckdb", twice)
    new = database(tmp_path / "new.duckdb", twice, shuffled, "update marts.kpi set share = share * (1 + 1e-13)")
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update marts.kpi set share = share + 1e-6 where key = 7", "share in 1 rows"),
        ("update marts.kpi set share = null where key = 7", "share in 1 rows"),
        ("update marts.kpi set amount = amount + 0.0001 where key = 7", "1 rows only in the old, 1 only in the new"),
        ("update marts.kpi set name = null where key = 7", "1 rows only in the old, 1 only in the new"),
        ("delete from marts.kpi where key = 7", "1 rows only in the old, 0 only in the new"),
        ("insert into marts.kpi select * from marts.kpi where key = 7", "0 rows only in the old, 1 only in the new"),
        ("alter table marts.kpi drop column share", "columns: [('share', 'DOUBLE')]"),
        ("alter table marts.kpi alter column amount type decimal(20, 4)", "columns"),
        ("drop table marts.kpi", "only in the old"),
    ],
)
def test_a_difference_is_told(tmp_path: Path, change: str, said: str) -> None:
    old, new = database(tmp_path / "old.duckdb"), database(tmp_path / "new.duckdb", change)
    [one] = differences(old, new)
    assert one.table == "marts.kpi"
    assert said in one.text
    assert differences(old, new, frozenset({"marts.kpi"})) == []


def test_a_new_table_is_told(tmp_path: Path) -> None:
    old, new = (
        database(tmp_path / "old.duckdb"),
        database(tmp_path / "new.duckdb", "create table core.fct as select 1 as a"),
    )
    assert [(one.table, one.text) for one in differences(old, new)] == [("core.fct", "only in the new")]
