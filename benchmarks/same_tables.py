"""Whether two published databases hold the same: every table, row by row, doubles to the rounding of parallel sums.

    python benchmarks/same_tables.py OLD.duckdb NEW.duckdb [--except SCHEMA.TABLE …]

Prints one line per table that differs, with what is on one side only, and ends with 1 if any does. Columns that say which
run made a row do not count. Used on both states of a change that is to leave published tables as they are.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestration.platform.literals import quote
from tests.support.equality import RELATIVE, RUN_COLUMNS

SCHEMAS = ("core", "marts")
SIDES = ("old", "new")


@dataclass(frozen=True)
class Difference:
    """How a table differs.

    Args:
        table: `schema.table`.
        text: in words.
    """

    table: str
    text: str


def columns_of(con: duckdb.DuckDBPyConnection, side: str) -> dict[str, dict[str, str]]:
    """`schema.table` -> its columns that count -> their types."""
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name in (select unnest(?)) order by all",
        [side, list(SCHEMAS)],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})
        if column not in RUN_COLUMNS:
            found[table][column] = kind
    return found


def only_in(con: duckdb.DuckDBPyConnection, table: str, exact: list[str]) -> list[int]:
    """Rows of each side that the other has not, by all columns but doubles."""
    chosen = ", ".join(f'"{name}"' for name in exact)
    counts = []
    for one, other in (SIDES, SIDES[::-1]):
        found = con.execute(
            f"select count(*) from (select {chosen} from {one}.{table} except all select {chosen} from {other}.{table})"
        ).fetchone()
        counts.append(int(found[0]) if found else 0)
    return counts


def doubles_apart(con: duckdb.DuckDBPyConnection, table: str, exact: list[str], doubles: list[str]) -> str:
    """Which doubles are apart by more than rounding, in words; rows that are alike otherwise are paired by size."""
    chosen = ", ".join(f'"{name}"' for name in exact)
    order = ", ".join(f'"{name}"' for name in doubles)
    numbered = "select *, row_number() over (partition by {} order by {}) as _no from {}"
    pairs = " and ".join(f'l."{name}" is not distinct from r."{name}"' for name in [*exact, "_no"])
    apart = ", ".join(
        f'count(*) filter (where (l."{name}" is null) <> (r."{name}" is null) or abs(l."{name}" - r."{name}") > '
        f'{RELATIVE} * greatest(1, abs(l."{name}"), abs(r."{name}"))) as "{name}"'
        for name in doubles
    )
    found = con.execute(
        f"select {apart} from ({numbered.format(chosen, order, f'old.{table}')}) l "
        f"join ({numbered.format(chosen, order, f'new.{table}')}) r on {pairs}"
    ).fetchone()
    return ", ".join(f"{name} in {rows} rows" for name, rows in zip(doubles, found or (), strict=True) if rows)


def difference(con: duckdb.DuckDBPyConnection, table: str, old: dict[str, str], new: dict[str, str]) -> str | None:
    """How one table of both databases differs; None where it does not."""
    if old != new:
        return f"columns: {sorted(set(old.items()) ^ set(new.items()))}"
    doubles = [name for name, kind in old.items() if kind == "DOUBLE"]
    exact = [name for name in old if name not in doubles]
    gone, added = only_in(con, table, exact)
    if gone or added:
        return f"{gone} rows only in the old, {added} only in the new"
    return (doubles_apart(con, table, exact, doubles) or None) if doubles else None


def differences(old: Path, new: Path, left_out: frozenset[str] = frozenset()) -> list[Difference]:
    """How two published databases differ, table by table.

    Args:
        old: a database.
        new: the one that should hold the same.
        left_out: `schema.table` of what is not compared.
    """
    with duckdb.connect() as con:
        for side, path in zip(SIDES, (old, new), strict=True):
            con.execute(f"attach {quote(path)} as {side} (read_only)")
        before, after = (columns_of(con, side) for side in SIDES)
        found = []
        for table in sorted((before.keys() | after.keys()) - left_out):
            if table not in before or table not in after:
                found.append(Difference(table, f"only in the {'new' if table in after else 'old'}"))
            elif text := difference(con, table, before[table], after[table]):
                found.append(Difference(table, text))
        return found


def main() -> int:
    """Compare, print, and say by the exit code whether they are the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--except", dest="left_out", nargs="*", default=[], metavar="SCHEMA.TABLE")
    given = parser.parse_args()
    found = differences(given.old, given.new, frozenset(given.left_out))
    for one in found:
        print(f"{one.table}: {one.text}")
    print("different" if found else "the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
