"""Text of others, made harmless for what reads it: SQL, DuckDB's readers, spreadsheets, terminals."""

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


# A spreadsheet runs text that starts so; the wide forms are those of Asian keyboards.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def no_formula(value: object) -> object:
    """A value for a file that a spreadsheet may open: text that it would run is quoted, all else as it is."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


# What moves a cursor, changes colours or turns the order of letters around: control characters and bidi marks.
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]")


def visible(text: str) -> str:
    """Text that a terminal shows in one line and does not obey: line ends as ⏎, control characters taken out."""
    return UNSEEN.sub("", re.sub(r"\r\n?|\n", "⏎", text).replace("\t", " "))


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
