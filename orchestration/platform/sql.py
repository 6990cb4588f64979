"""Statements of SQL with named places: what they read and write is passed by name, each name and value quoted.

A template holds places such as `{entry}`. A `Relation` fills one as a quoted name, text, numbers, times and lists as
literals, an `Expression` as it is. A place that nothing is given for is refused, and so is a name that the template has
no place for, so that a statement reads no table that its caller did not pass.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.platform.literals import quote, quote_name

PLACE = re.compile(r"\{([a-z][a-z_0-9]*)\}")
TEMPORARY = "temp.main"


@dataclass(frozen=True)
class Relation:
    """A table or view. `schema` may be `catalog.schema`."""

    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(quote_name(part) for part in (*self.schema.split("."), self.name))


class Expression(str):
    """SQL that the product has made of its own words: put in as it is. Never text of others."""


class Relations:
    """Base of the named relations that functions take and return: frozen dataclasses of `Relation`.

    Other fields of theirs are values. A statement that is given the whole uses the fields that it has places for.
    """

    @classmethod
    def of(cls, schema: str) -> Self:
        """The relations of a schema that are named as the fields are."""
        return cls(**{field.name: Relation(schema, field.name) for field in dataclasses.fields(cls)})  # type: ignore[arg-type]

    def named(self) -> dict[str, Any]:
        """Name of each field → what it holds."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


class Templates:
    """The `.sql` files of a folder, by their names; each is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = (self.folder / f"{name}.sql").read_text(encoding="utf-8")
        return self._texts[name]


def literal(value: object) -> str:
    """A value as SQL.

    Raises:
        TypeError: of a kind that has no literal here.
    """
    match value:
        case Relation() | Expression():
            return str(value)
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return quote(value)
        case dt.datetime():
            return f"timestamp '{value:%Y-%m-%d %H:%M:%S.%f}'"
        case list() | tuple():
            return f"[{', '.join(literal(item) for item in value)}]" if value else "[]::varchar[]"
    raise TypeError(f"no literal of {type(value).__name__}")


def fill(template: str, /, *relations: Relations, **given: object) -> Expression:
    """A template with its places filled.

    Args:
        template: SQL with places such as `{entry}`.
        relations: named relations; those that the template has no place for are left alone.
        given: one by one; each must have its place.

    Raises:
        ValueError: a place has nothing or two things to fill it, or a name has no place.
    """
    places = set(PLACE.findall(template))
    values: dict[str, object] = dict(given)
    if unknown := sorted(given.keys() - places):
        raise ValueError(f"no place for {', '.join(unknown)} in: {template.strip()[:200]}")
    for whole in relations:
        for name, value in whole.named().items():
            if name in places and values.setdefault(name, value) != value:
                raise ValueError(f"two things are given for {name} in: {template.strip()[:200]}")
    if missing := sorted(places - values.keys()):
        raise ValueError(f"nothing is given for {', '.join(missing)} in: {template.strip()[:200]}")
    return Expression(PLACE.sub(lambda place: literal(values[place[1]]), template))


def run(
    con: duckdb.DuckDBPyConnection,
    template: str,
    /,
    *relations: Relations,
    secrets: Mapping[str, object] | None = None,
    **given: object,
) -> duckdb.DuckDBPyConnection:
    """Fill and execute a template; `secrets` (`$name` in it) never become a part of its text."""
    return con.execute(fill(template, *relations, **given), dict(secrets) if secrets else None)


def create(
    con: duckdb.DuckDBPyConnection,
    name: str,
    template: str,
    /,
    *relations: Relations,
    as_view: bool = False,
    secrets: Mapping[str, object] | None = None,
    **given: object,
) -> Relation:
    """Make a temporary table or view of a query; another one of the name gives way."""
    made = Relation(TEMPORARY, name)
    text = f"create or replace temp {'view' if as_view else 'table'} {made} as {fill(template, *relations, **given)}"
    con.execute(text, dict(secrets) if secrets else None)
    return made


def drop(con: duckdb.DuckDBPyConnection, *tables: Relation) -> None:
    """Drop tables, as soon as nobody needs them."""
    for table in tables:
        con.execute(f"drop table if exists {table}")


def count(con: duckdb.DuckDBPyConnection, relation: Relation) -> int:
    """How many rows there are."""
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def arrow(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> Iterator[Relation]:
    """Rows of Arrow as a relation, while the block runs."""
    con.register(name, rows)
    try:
        yield Relation(TEMPORARY, name)
    finally:
        con.unregister(name)


def dicts(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows of a result, each as column → value."""
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def arrays(found: duckdb.DuckDBPyConnection) -> dict[str, NDArray[Any]]:
    """Columns of a result without nulls, as arrays."""
    return {name: np.asarray(values) for name, values in found.fetchnumpy().items()}
