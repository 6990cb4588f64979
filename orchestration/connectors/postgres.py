"""PostgreSQL."""

from __future__ import annotations

import re
from typing import Any, Literal

import duckdb
from pydantic import Field

from orchestration.connectors.base import WHOLE, Part
from orchestration.connectors.database import ALIAS, ServerConnector, ServerSettings
from orchestration.connectors.numbers import MARK
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.scratch import memory_database


class PostgresSettings(ServerSettings):
    """PostgreSQL."""

    kind: Literal["postgres"]
    port: int = Field(default=5432, ge=1, le=65535)


class PostgresConnector(ServerConnector):
    """PostgreSQL."""

    extension = "postgres_scanner"
    attach_type = "postgres"
    usual_schema = "public"
    connect_options = "connect_timeout=10 application_name=regulars"

    def relation(self, table: str) -> str:
        """A table as the server names it."""
        schema, name = self.name(table)
        return f"{quote_name(schema)}.{quote_name(name)}"

    def ask(self, con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query that the server answers."""
        return con.execute(f"select * from postgres_query({quote(ALIAS)}, {quote(sql)})").fetchall()

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:
        """Numerics that DuckDB's scan reads as 0 (NaN) or as doubles (no precision given, or more than 38 digits)."""
        kinds: dict[str, str] = dict(self.ask(con, COLUMNS_SQL.format(relation=quote(self.relation(table)))))
        numerics = {name: kind for name, kind in kinds.items() if re.fullmatch(NUMERIC, kind)}
        money = {name: f"{quote_name(name)}::numeric(38, 2)" for name, kind in kinds.items() if kind == "money"}
        if not numerics and not money:
            return None
        tests = [test for name, kind in numerics.items() for test in numeric_tests(quote_name(name), kind)]
        asked = ", ".join(f"{test} as t{place}" for place, test in enumerate(tests))
        [answers] = self.ask(con, f"select {asked} from {self.relation(table)}") if tests else [()]
        changed = money
        for place, (name, kind) in enumerate(numerics.items()):
            is_odd, digits = answers[2 * place : 2 * place + 2]
            if cast := numeric_cast(quote_name(name), kind, bool(is_odd), int(digits or 0)):
                changed[name] = cast
        if not changed:
            return None
        fields = ", ".join(f"{changed.get(name, quote_name(name))} as {quote_name(name)}" for name in kinds)
        sql = f"select {fields} from {self.relation(table)}"
        return f"select * from postgres_query({quote(ALIAS)}, {quote(sql)})"

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows of the part; all of them are counted by the server."""
        if part.cursor and not part.is_whole:
            return super().count(table, part)
        with memory_database() as con:
            self.attach(con)
            try:
                return int(self.ask(con, f"select count(*) from {self.relation(table)}")[0][0])
            except duckdb.Error as error:
                raise self.unreadable(table, error) from error


COLUMNS_SQL = """
select a.attname, case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod)
  else format_type(a.atttypid, a.atttypmod) end
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = to_regclass({relation}) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
NUMERIC = r"numeric(\(\d+,(-?\d+)\))?"
PLACES = 10  # decimals that a numeric of no declared precision lands with; 28 digits are left before the point


def fits(kind: str) -> bool:
    """Whether DuckDB has a decimal type for a numeric of PostgreSQL."""
    found = re.fullmatch(r"numeric\((\d+),(\d+)\)", kind)
    return found is not None and int(found[1]) <= 38


def numeric_tests(column: str, kind: str) -> tuple[str, str]:
    """PostgreSQL's SQL of whether some value is no number, and of the most digits before the point."""
    if fits(kind):
        return f"bool_or({column} = 'NaN')", "0"
    is_odd = f"{column}::text in ('NaN', 'Infinity', '-Infinity')"
    return f"bool_or({is_odd})", f"max(case when not {is_odd} then length(trunc(abs({column}))::text) end)"


def numeric_cast(column: str, kind: str, is_odd: bool, digits: int) -> str | None:
    """PostgreSQL's SQL of a numeric in a type that DuckDB reads as it is; None where it does so anyway."""
    if is_odd:
        return f"{column}::float8"  # the only type that can say so; the contract then refuses the value
    if fits(kind):
        return None
    if digits <= 38 - PLACES:
        return f"{column}::numeric(38, {PLACES})"
    return f"case when {column} = trunc({column}) then trunc({column})::text else {column}::text || '{MARK}' end"
