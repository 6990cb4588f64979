"""SQL literals for statements that take no parameters, and paths that DuckDB shall not read as patterns."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import duckdb


def quote(value: str | Path) -> str:
    """A text literal, for statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """A name of a column or table that may hold any character."""
    return '"' + name.replace('"', '""') + '"'


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs text that starts so


def no_formula(value: object) -> object:
    """A value for a file that a spreadsheet may open: text that it would run is quoted, all else as it is."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


@functools.cache
def reserved() -> frozenset[str]:
    """Words that DuckDB takes for no name unless they are quoted."""
    with duckdb.connect() as con:
        rows = con.execute(
            "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        ).fetchall()
    return frozenset(row[0] for row in rows)


def exact_path(path: str | Path) -> str:
    """A path for DuckDB's readers, which take `*`, `?` and `[` for patterns."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
