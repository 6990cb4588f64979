"""Whether two databases are equal as a rebuild and an increment must be: same rows, exact but for doubles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb

# Columns that say which run made a row, not what the row is.
RUN_COLUMNS = {
    "load_id", "loaded_at", "seconds", "bytes", "version", "built_at", "known_at", "valid_from",
    "_load_id", "_loaded_at", "_version_at", "_superseded_at", "_source_file", "quarantined_at",
    "scored_at", "trained_at", "card",
}  # fmt: skip
RELATIVE = 1e-9


def tables(con: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> dict[str, list[str]]:
    """`schema.table` → columns that count; doubles last, so that their last bits do not decide the rows' order."""
    found: dict[str, list[str]] = {}
    rows = con.execute(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in (select unnest(?)) order by table_schema, table_name, data_type = 'DOUBLE', column_name",
        [list(schemas)],
    ).fetchall()
    for schema, table, column in rows:
        found.setdefault(f"{schema}.{table}", [])
        if column not in RUN_COLUMNS:
            found[f"{schema}.{table}"].append(column)
    return found


def contents(path: Path, schemas: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every table, in a fixed order."""
    with duckdb.connect(str(path), read_only=True) as con:
        result = {}
        for table, columns in tables(con, schemas).items():
            selected = ", ".join(f'"{c}"' for c in columns)
            result[table] = con.execute(f"select {selected} from {table} order by all").fetchall()
        return result


def same_value(left: Any, right: Any) -> bool:
    """Exact, but for doubles."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=RELATIVE)
    return bool(left == right)


def difference(left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]]) -> str | None:
    """The first difference in words; None where the contents are equal."""
    if left.keys() != right.keys():
        return f"tables differ: {left.keys() ^ right.keys()}"
    for table, rows in left.items():
        others = right[table]
        if len(rows) != len(others):
            return f"{table}: {len(rows)} rows and {len(others)}"
        for row, other in zip(rows, others, strict=True):
            if not all(same_value(a, b) for a, b in zip(row, other, strict=True)):
                return f"{table}: {row} and {other}"
    return None
