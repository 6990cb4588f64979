"""Parquet files: one file or glob per table, read by DuckDB."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import duckdb

from orchestration.connectors.base import WHOLE, Part, span_sql
from orchestration.connectors.files import FileConnector, FileSettings
from orchestration.errors import RegularsError
from orchestration.literals import exact_path


class ParquetSettings(FileSettings):
    """Parquet files."""

    has_cursor: ClassVar[bool] = True

    kind: Literal["parquet"]


class ParquetConnector(FileConnector):
    """Tables of a folder of Parquet files."""

    suffixes = (".parquet",)
    what = "Parquet file"

    def columns(self, table: str) -> dict[str, str]:
        """Columns of all the table's files together."""
        with duckdb.connect() as con:
            described = self.run(
                con, table, "describe select * from read_parquet(?, union_by_name = true)", [self.paths(table, WHOLE)]
            ).fetchall()
        return {row[0]: row[1] for row in described}

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows by the files' own metadata, or counted where the part is a span of the cursor."""
        if part.files == ():
            return 0
        where = span_sql(self.system.name, table, self.columns(table) if part.cursor else {}, part)
        sql = "select coalesce(sum(num_rows), 0) from parquet_file_metadata(?)"
        if where:
            sql = f"select count(*) from read_parquet(?, union_by_name = true) where {where}"
        with duckdb.connect() as con:
            found = self.run(con, table, sql, [self.paths(table, part)]).fetchone()
        return int(found[0]) if found else 0

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """The part's rows, with the file and the row's number in it."""
        con.execute("create or replace temp table source_name (path varchar, name varchar)")
        con.executemany(
            "insert into source_name values (?, ?)", [[str(file.path), file.name] for file in self.files(table)]
        )
        con.execute("set variable source_paths = $1", [self.paths(table, part)])
        where = span_sql(self.system.name, table, self.columns(table) if part.cursor else {}, part)
        sql = f"""
            select t.* exclude (_source_path, file_row_number), s.name as _source_file,
              t.file_row_number + 1 as _source_row
            from read_parquet(getvariable('source_paths'), filename = '_source_path', file_row_number = true,
              union_by_name = true) t
            left join source_name s on s.path = t._source_path
            {f"where {where}" if where else ""}
            """
        self.run(con, table, f"describe {sql}", [])
        return sql

    def paths(self, table: str, part: Part) -> list[str]:
        """Paths of a part's files, as DuckDB takes them."""
        return [exact_path(file.path) for file in self.wanted(table, part)]

    def run(self, con: duckdb.DuckDBPyConnection, table: str, sql: str, values: list[Any]) -> duckdb.DuckDBPyConnection:
        """Execute; turn DuckDB's complaint into one line with table, file and cure."""
        try:
            return con.execute(sql, values)
        except duckdb.Error as error:
            raise RegularsError(
                f"{self.place(table)}: not readable as Parquet: {str(error).splitlines()[0]}",
                "Replace the file with a whole one, or mend the table's path",
            ) from error
