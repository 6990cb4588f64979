"""SQLite."""

from __future__ import annotations

from typing import Literal

import duckdb
import pyarrow as pa

from orchestration.connectors.base import REJECTED, SOURCE_FLAGS, WHOLE, Part
from orchestration.connectors.database import ALIAS, DatabaseFileConnector, DatabaseFileSettings
from orchestration.connectors.numbers import DIGITS, MARK
from orchestration.connectors.rejects import SHOWN, WRONG_ENCODING
from orchestration.platform.literals import quote, quote_name


class SqliteSettings(DatabaseFileSettings):
    """SQLite."""

    kind: Literal["sqlite"]


class SqliteConnector(DatabaseFileConnector):
    """SQLite: a column may hold any type, so all are read as text."""

    extension = "sqlite_scanner"
    attach_type = "sqlite"
    usual_schema = "main"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Read columns by what they hold rather than by what they were declared."""
        super().prepare(con)
        con.execute("set sqlite_all_varchar = true")

    def look(self, con: duckdb.DuckDBPyConnection, table: str) -> str | None:
        """Numbers that are not whole, where some column has one: SQLite knows of each value whether it is a number."""
        names = [row[0] for row in con.execute(f"describe select * from {self.remote(table)}").fetchall()]
        source = quote_name(self.name(table)[1])
        is_real = " or ".join(f"typeof({quote_name(name)}) = 'real'" for name in names)
        found = f"select exists (select 1 from {source} where {is_real})"
        if not con.execute(f"select * from sqlite_query({quote(ALIAS)}, {quote(found)})").fetchall()[0][0]:
            return None
        fields = ", ".join(f"{real_text(quote_name(name))} as {quote_name(name)}" for name in names)
        return f"select * from sqlite_query({quote(ALIAS)}, {quote(f'select {fields} from {source}')})"

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """The part's rows but those whose bytes are no text: SQLite checks none, and a later reader would break."""
        whole = super().read(con, table, part)
        names = [name for name in self.columns(table) if name != SOURCE_FLAGS]
        numbered = f"select * replace (row_number() over () as _source_row) from ({whole})"
        is_text = is_utf8(f"concat_ws(chr(31), {', '.join(quote_name(name) for name in names)})")
        con.execute(f"create or replace temp table refused_row as {refused_sql(numbered, names, is_text)}")
        [(refused,)] = con.execute("select count(*) from refused_row").fetchall()
        return f"select * from ({numbered if refused else whole}) where {is_text}"

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Rows with a value that is no text."""
        return con.execute("select * from refused_row").to_arrow_table().cast(REJECTED)


def is_utf8(text: str) -> str:
    """SQL of whether a text's bytes are UTF-8; a null is."""
    return f"({text} is null or try(decode(encode({text}))) is not null)"


def refused_sql(rows: str, names: list[str], is_text: str) -> str:
    """SQL of the rows that are no text, as `REJECTED` has them, with bytes that are none shown as `\\xFC`."""
    tests = {name: is_utf8(quote_name(name)) for name in names}
    shown = {
        name: f"case when {test} then {quote_name(name)} else encode({quote_name(name)})::varchar end"
        for name, test in tests.items()
    }
    record = ", ".join(f"{quote(name)}: {text}" for name, text in shown.items())
    which = " ".join(f"when not {test} then {quote(name)}" for name, test in tests.items())
    value = " ".join(f"when not {test} then {shown[name]}" for name, test in tests.items())
    return f"""
        select _source_file, _source_row, {quote(WRONG_ENCODING)} as reason_code,
          case {which} end as column_name, case {value} end as value,
          left(to_json({{{record}}})::varchar, {SHOWN}) as raw_record
        from ({rows}) where not {is_text}
        """


def real_text(column: str) -> str:
    """SQLite's SQL of a value as text, a number in the form of `numbers.number_text`."""
    shown = f"printf('%!.{DIGITS}g', {column})"
    return (
        f"case when typeof({column}) <> 'real' then cast({column} as text) "
        f"when {column} = round({column}) and abs({column}) < 1e{DIGITS} "
        f"then cast(cast({column} as integer) as text) "
        f"when instr({shown}, 'e') then {shown} else {shown} || '{MARK}' end"
    )
