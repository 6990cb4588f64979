"""A table of a source as a draft looks at it: its rows as text in an own DuckDB, and the forms of its values."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.connectors.base import Connector
from orchestration.connectors.numbers import as_written
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote_name
from orchestration.platform.scratch import memory_database

ROWS = 2_000_000  # of a table that a draft looks at, from its beginning
SHAPES = 3_000  # distinct forms of a column's values, the most frequent first
NUMERIC = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*")  # DuckDB's types of numbers


@dataclass(frozen=True)
class Shape:
    """Values of a column that are written alike: digits other than 0 are one."""

    pattern: str
    example: str
    rows: int


class Profile:
    """A table's rows, in a connection of its own.

    Args:
        name: the table's name in the configuration.
        con: holds the table `rows`: every column, with `_source_file` and `_source_row`.
        types: column → DuckDB type as the source gives it.
        relation: the table as a query names it; another than its name where several tables are one.
        parts: names of the tables that it is made of; empty: its own.
    """

    def __init__(
        self,
        name: str,
        con: duckdb.DuckDBPyConnection,
        types: Mapping[str, str],
        relation: str = "",
        parts: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.parts = tuple(parts) or (name,)
        self.relation = relation or name
        self.con = con
        self.types = dict(types)
        self.rows = int(self.one("count(*)"))
        self.is_cut = self.rows >= ROWS

    @classmethod
    def of(cls, connector: Connector, table: str) -> Profile:
        """Read a table.

        Raises:
            RegularsError: it cannot be read.
        """
        con = memory_database()
        types = connector.columns(table)
        try:
            sql = as_written(connector.read(con, table), types, ".")
            con.execute(
                "create table rows as select * replace (coalesce(_source_row, row_number() over ()) as _source_row) "
                f"from (select * from ({sql}) limit {ROWS})"
            )
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise RegularsError(f"table {table}: cannot be read: {reason}", "Mend the file, or its format") from error
        return cls(table, con, types)

    @classmethod
    def together(cls, parts: Sequence[Profile]) -> Profile:
        """Several tables of the same columns as one."""
        con = memory_database()
        for place, part in enumerate(parts):
            con.register("part", part.con.execute("select * from rows").to_arrow_table())
            con.execute("insert into rows by name from part" if place else "create table rows as from part")
            con.unregister("part")
        relation = " union all by name ".join(f"select * from {part.name}" for part in parts)
        return cls(parts[0].name, con, parts[0].types, f"({relation})", [part.name for part in parts])

    def kept(self, rule: str) -> Profile:
        """The table with a part of its rows.

        Args:
            rule: the end of a query over its rows, `where …` or `qualify …`, that a map can hold, too.
        """
        con = duckdb.connect()
        con.register("part", self.con.execute(f"select * from rows {rule}").to_arrow_table())
        con.execute("create table rows as from part")
        con.unregister("part")
        return type(self)(self.name, con, self.types, f"(select * from {self.relation} {rule})", self.parts)

    def name_tables(self) -> None:
        """Name the rows as maps do: all of them by the first of the tables that it is made of."""
        for place, part in enumerate(self.parts):
            none = " where false" if place else ""
            self.con.execute(f"create or replace temp view {quote_name(part)} as select * from rows{none}")

    @property
    def source(self) -> str:
        """`from` of a map over all rows."""
        return self.name if self.relation == self.name else f"select * from {self.relation}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names in the table's order."""
        return tuple(self.types)

    def one(self, expression: str, where: str = "true") -> Any:
        """A figure over all rows."""
        row = self.con.execute(f"select {expression} from rows where {where}").fetchone()
        return row[0] if row else None

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over `rows`."""
        return self.con.execute(sql).fetchall()

    def text(self, column: str) -> str:
        """SQL of a column's values as text; null where nothing is written."""
        return f"nullif(trim({quote_name(column)}::varchar), '')"

    def is_text(self, column: str) -> bool:
        """Whether the source gives the column as text."""
        return self.types[column] == "VARCHAR"

    def is_numeric(self, column: str) -> bool:
        """Whether the source gives the column as numbers."""
        return bool(NUMERIC.fullmatch(self.types[column]))

    @functools.cache  # noqa: B019 - a profile lives as long as its draft
    def shapes(self, column: str) -> tuple[Shape, ...]:
        """The forms of its values, the most frequent first."""
        values = f"(select {self.text(column)} as v from rows)"
        found = self.all(
            f"select regexp_replace(v, '[1-9]', '9', 'g') as form, min(v), count(*) from {values} "
            f"where v is not null group by form order by 3 desc, form limit {SHAPES}"
        )
        return tuple(Shape(*row) for row in found)

    @functools.cache  # noqa: B019 - as above
    def values(self, column: str, limit: int = 500) -> tuple[str, ...]:
        """Its values, the most frequent first."""
        text = self.text(column)
        found = self.all(
            f"select {text}, count(*) from rows where {text} is not null group by 1 order by 2 desc, 1 limit {limit}"
        )
        return tuple(row[0] for row in found)

    @functools.cache  # noqa: B019 - as above
    def filled(self, column: str) -> int:
        """Rows with a value."""
        return int(self.one(f"count({self.text(column)})"))

    def is_unique(self, *columns: str) -> bool:
        """Whether columns name a row: at most one of a hundred rows repeats another."""
        key = ", ".join(self.text(column) for column in columns)
        distinct, filled = self.all(
            f"select count(distinct row({key})), count(*) from rows where {self.text(columns[0])} is not null"
        )[0]
        return bool(filled) and distinct >= 0.99 * filled and filled >= 0.9 * self.rows

    def samples(self, columns: Sequence[str] | None = None) -> Samples:
        """Values of columns, all unless named, each looked up when it is asked for."""
        return Samples(self, self.columns if columns is None else columns)


class Samples(Mapping[str, tuple[str, ...]]):
    """Columns of a table with their values, looked up when asked for: of most only the name is ever looked at."""

    def __init__(self, profile: Profile, columns: Sequence[str]) -> None:
        self.profile, self.names = profile, tuple(columns)

    def __getitem__(self, column: str) -> tuple[str, ...]:
        if column not in self.names:
            raise KeyError(column)
        return self.profile.values(column)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
