"""Parquet files: one file or glob per table, read by DuckDB."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import duckdb

from orchestration.connectors.base import RESERVED, WHOLE, Part, SourceFile, System, span_sql
from orchestration.connectors.files import FileConnector, FileSettings, column_key, rename_sql, renames, spellings_of
from orchestration.connectors.numbers import as_text, text_beside_numbers
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import exact_path, quote, quote_name
from orchestration.platform.scratch import memory_database

PLACE = "_source_path, file_row_number"


class ParquetSettings(FileSettings):
    """Parquet files."""

    has_cursor: ClassVar[bool] = True

    kind: Literal["parquet"]


class ParquetConnector(FileConnector):
    """Tables of a folder of Parquet files."""

    suffixes = (".parquet",)
    what = "Parquet file"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.known: dict[str, dict[str, str]] = {}

    def file_columns(self, table: str, file: SourceFile) -> dict[str, str]:
        """Columns of one file, with DuckDB types."""
        if file.name not in self.known:
            with memory_database() as con:
                described = self.run(
                    con, table, "describe select * from read_parquet(?)", [exact_path(file.path)]
                ).fetchall()
            if taken := [row[0] for row in described if row[0].lower() in RESERVED]:
                raise RegularsError(
                    f"{self.place(table, file)}: column {taken[0]} has a name that the lake needs for itself",
                    "Write the file with another name for the column",
                )
            self.known[file.name] = {row[0]: row[1] for row in described}
        return self.known[file.name]

    def lacking(self, table: str, file: SourceFile) -> str:  # noqa: ARG002 - the interface's
        """That it has no byte."""
        return "" if file.path.stat().st_size else "is empty"

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of a file's columns."""
        return list(self.file_columns(table, file))

    def columns(self, table: str) -> dict[str, str]:
        """Columns of all the table's files together."""
        with memory_database() as con:
            rows = self.rows(table, self.filled(table))
            described = self.run(con, table, f"describe select * exclude ({PLACE}) from ({rows})", []).fetchall()
        return {row[0]: row[1] for row in described}

    def rows(self, table: str, files: list[SourceFile]) -> str:
        """SQL of the files' rows with their place; a column that is text in some file and a number with fractions in
        another becomes text as ids do."""
        columns = {file: self.file_columns(table, file) for file in files}
        mixed = text_beside_numbers(columns.values())
        spellings = spellings_of(columns.values())
        groups: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], list[str]] = {}
        for file in files:
            alike = tuple(as_text(columns[file], mixed)), tuple(renames(columns[file], spellings))
            groups.setdefault(alike, []).append(quote(exact_path(file.path)))
        selects = []
        for (texts, renamed), paths in groups.items():
            replaced = f" replace ({', '.join(texts)})" if texts else ""
            rows = (
                f"select *{replaced} from read_parquet([{', '.join(paths)}], "
                "filename = '_source_path', file_row_number = true, union_by_name = true)"
            )
            selects.append(rename_sql(rows, renamed))
        return " union all by name ".join(selects)

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows by the files' own metadata, or counted where the part is a span of the cursor."""
        files = self.filled(table, part)
        if not files:
            return 0
        where = span_sql(self.system.name, table, self.columns(table) if part.cursor else {}, part)
        sql = "select coalesce(sum(num_rows), 0) from parquet_file_metadata(?)"
        if where:
            sql = f"select count(*) from ({self.rows(table, files)}) where {where}"
        with memory_database() as con:
            found = self.run(con, table, sql, [] if where else [[exact_path(file.path) for file in files]]).fetchone()
        return int(found[0]) if found else 0

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """The part's rows, with the file and the row's number in it."""
        con.execute("create or replace temp table source_name (path varchar, name varchar)")
        con.executemany(
            "insert into source_name values (?, ?)", [[str(file.path), file.name] for file in self.files(table)]
        )
        files, columns = self.filled(table, part), self.columns(table)
        own = spellings_of(self.header(table, file) for file in files)
        fields = ", ".join(
            (f"t.{quote_name(own[column_key(name)])}" if column_key(name) in own else f"null::{kind}")
            + f" as {quote_name(name)}"
            for name, kind in columns.items()
        )
        if not files:
            return f"select {fields}, null::varchar as _source_file, null::bigint as _source_row limit 0"
        where = span_sql(self.system.name, table, columns if part.cursor else {}, part)
        sql = f"""
            select {fields}, s.name as _source_file, t.file_row_number + 1 as _source_row
            from ({self.rows(table, files)}) t
            left join source_name s on s.path = t._source_path
            {f"where {where}" if where else ""}
            """
        self.run(con, table, f"describe {sql}", [])
        return sql

    def run(self, con: duckdb.DuckDBPyConnection, table: str, sql: str, values: list[Any]) -> duckdb.DuckDBPyConnection:
        """Execute; turn DuckDB's complaint into one line with table, file and cure."""
        try:
            return con.execute(sql, values)
        except duckdb.Error as error:
            raise RegularsError(
                f"{self.place(table)}: not readable as Parquet: {str(error).splitlines()[0]}",
                "Replace the file with a whole one, or mend the table's path",
            ) from error
