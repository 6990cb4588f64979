"""New records against known ones: only what they touch changes, and a rebuild from the lake gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks import identity
from orchestration.config.contracts import load_contracts
from orchestration.conform.tables import prepare

PERSONS = 3_000
NEW = "md5_number_lower(customer_id || source_system) % 100 = 0"
KEYS = """
select source_system || ':' || customer_id, customer_key from identity.customer_link where valid_to is null order by 1
"""


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with empty input tables and made-up records beside it."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), config={"preserve_insertion_order": "false"}) as con:
        con.execute("set TimeZone = 'UTC'; create schema input; create schema quarantine; create schema identity")
        prepare(con, load_contracts())
        identity.many(con, PERSONS)
        yield con


def keys(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Record → customer key."""
    return dict(con.execute(KEYS).fetchall())


def test_one_record_in_a_hundred_more(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    identity.step(con, tmp_path, f"from record where not ({NEW})", 1)
    before = keys(con)
    known = con.execute("select count(*) from identity.known_form").fetchone()
    identity.step(con, tmp_path, f"from record where {NEW}", 2)
    after = keys(con)
    assert known is not None
    assert known[0] > 3_500
    added = after.keys() - before.keys()
    assert 20 <= len(added) <= 80
    # Keys of known records change only where a new record brought two customers together.
    moved = {name for name, key in before.items() if after[name] != key}
    joined = {key for name, key in after.items() if name in added}
    assert {after[name] for name in moved} <= joined
    assert len(moved) <= 3
    # A new record of a known person takes that person's key.
    both = [name for name in added if f"{'ab'['ba'.index(name[0])]}:{name[2:]}" in before]
    same = [after[name] == after[f"{'ab'['ba'.index(name[0])]}:{name[2:]}"] for name in both]
    assert len(both) > 10
    assert sum(same) / len(same) > 0.95

    con.execute("drop schema identity cascade; create schema identity")
    identity.step(con, tmp_path, "from record limit 0", 3)
    assert keys(con) == after


OWN = ("form_pair", "known_form", "large_block", "uncompared", "shared_value", "identity_issue", "record_pair")


def own_tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """What identity keeps for itself."""
    return {name: con.execute(f"from identity.{name} order by all").fetchall() for name in OWN}


def test_blocks_that_grow_too_large_or_small_again(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compared follows from the records that there are, not from the order in which they came and went."""
    monkeypatch.setattr("orchestration.identity.blocking.MAX_BLOCK", 4)
    monkeypatch.setattr("orchestration.identity.blocking.PAIRS_AT_LEAST", 200)
    monkeypatch.setattr("orchestration.identity.blocking.PAIRS_PER_RECORD", 0.2)
    part = "md5_number_lower(source_system || customer_id) % 10"

    def large() -> set[tuple[int, int]]:
        return set(con.execute("select rule, key from identity.large_block").fetchall())

    def rebuilt(day: int) -> dict[str, list[tuple[object, ...]]]:
        con.execute("drop schema identity cascade; create schema identity")
        identity.step(con, tmp_path, "from record limit 0", day)
        return own_tables(con)

    identity.step(con, tmp_path, f"from record where {part} < 7", 1)
    few = large()
    identity.step(con, tmp_path, f"from record where {part} >= 7", 2)
    many = large()
    assert len(many - few) > 50  # blocks were closed
    grown = own_tables(con)
    assert rebuilt(3) == grown

    con.execute(f"delete from input.customer where {part} >= 4")
    identity.step(con, tmp_path, "from record limit 0", 4)
    assert len(many - large()) > 50  # blocks were opened
    shrunk = own_tables(con)
    assert rebuilt(5) == shrunk


def test_nothing_more_weighs_and_moves_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    identity.step(con, tmp_path, "from record", 1)
    links = con.execute("from identity.customer_link order by all").fetchall()
    pairs = con.execute("from identity.form_pair order by all").fetchall()
    loads = sorted((tmp_path / "lake").rglob("*.parquet"))
    identity.step(con, tmp_path, "from record limit 0", 2)
    assert con.execute("from identity.customer_link order by all").fetchall() == links
    assert con.execute("from identity.form_pair order by all").fetchall() == pairs
    assert sorted((tmp_path / "lake").rglob("*.parquet")) == loads
