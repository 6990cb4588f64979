"""Parquet files: one file or glob per table, read by DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from orchestration.company import Source
from orchestration.connectors.base import WHOLE, NoFile, Part, SourceFile, file_hash, file_stamp, resolve_folder
from orchestration.errors import RegularsError
from orchestration.literals import exact_path, quote_name

BATCH_ROWS = 122_880  # DuckDB's row group; larger batches only cost memory


class ParquetConnector:
    """Tables of a folder of Parquet files; `<table>.parquet` unless the table names a path or glob."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.folder, self.prefix = resolve_folder(source.connector.path)

    def discover(self) -> list[str]:
        """Stems of the Parquet files in the folder."""
        return sorted(path.stem for path in self.folder.glob("*.parquet"))

    def files(self, table: str) -> list[SourceFile]:
        """Files of a table, sorted by path."""
        pattern = self.source.tables[table].path or f"{table}.parquet"
        if self.folder.is_file():
            return [SourceFile(self.folder, str(self.folder))]
        if self.folder.suffix == ".parquet" and not self.folder.exists():
            raise NoFile(f"source {self.source.system}, table {table}: no file {self.folder}", "Mend the path")
        found = sorted(path for path in self.folder.glob(pattern) if path.is_file())
        if not found:
            offered = ", ".join(self.discover()) or "no Parquet file"
            raise NoFile(
                f"source {self.source.system}, table {table}: no file {self.folder / pattern}",
                f"Put the file there or mend the path; the folder offers: {offered}",
            )
        return [SourceFile(p, self.prefix + str(p.relative_to(self.folder)) if self.prefix else str(p)) for p in found]

    def stamp(self, table: str) -> dict[str, Any]:
        """Names, sizes and times of the table's files."""
        return {"files": file_stamp(self.files(table))}

    def fingerprint(self, table: str) -> dict[str, Any]:
        """The stamp, and a hash of each file's content."""
        files = self.files(table)
        try:
            return {"files": file_stamp(files), "hashes": [file_hash(file.path) for file in files]}
        except OSError as error:
            raise RegularsError(
                f"source {self.source.system}, table {table}: {error.filename}: {error.strerror}",
                "Make the file readable",
            ) from error

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
        with duckdb.connect() as con:
            where, values = self.span(table, part)
            if where:
                sql = f"select count(*) from read_parquet(?, union_by_name = true) where {where}"
            else:
                sql = "select coalesce(sum(num_rows), 0) from parquet_file_metadata(?)"
            found = self.run(con, table, sql, [self.paths(table, part), *values]).fetchone()
        return int(found[0]) if found else 0

    def read(self, table: str, part: Part = WHOLE) -> pa.RecordBatchReader:
        """The part's rows, with the file and the row's number in it."""
        names = {str(file.path): file.name for file in self.files(table)}
        where, values = self.span(table, part)
        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        con.execute("create temp table source_name (path varchar, name varchar)")
        con.executemany("insert into source_name values (?, ?)", list(names.items()))
        relation = self.run(
            con,
            table,
            f"""
            select t.* exclude (_source_path, file_row_number), s.name as _source_file,
              t.file_row_number + 1 as _source_row
            from read_parquet(?, filename = '_source_path', file_row_number = true, union_by_name = true) t
            left join source_name s on s.path = t._source_path
            {f"where {where}" if where else ""}
            """,
            [self.paths(table, part), *values],
        )
        return relation.to_arrow_reader(BATCH_ROWS)

    def paths(self, table: str, part: Part) -> list[str]:
        """Paths of a part's files, as DuckDB takes them."""
        wanted = part.files
        return [exact_path(file.path) for file in self.files(table) if wanted is None or file.name in wanted]

    def span(self, table: str, part: Part) -> tuple[str, list[Any]]:
        """SQL condition of a part's span of the cursor, with its values; empty where there is none.

        Raises:
            RegularsError: the cursor column is gone.
        """
        if part.cursor is None or (part.since is None and part.until is None):
            return "", []
        kind = self.columns(table).get(part.cursor)
        if kind is None:
            raise RegularsError(
                f"source {self.source.system}, table {table}: its cursor column '{part.cursor}' is gone",
                "Mend the source, or the table's load.cursor in its YAML",
            )
        column, tests, values = quote_name(part.cursor), [], []
        if part.since is not None:
            lag = f"to_seconds({part.lag})" if kind.startswith(("TIMESTAMP", "DATE")) else str(part.lag)
            tests.append(f"{column} >= cast(? as {kind})" + (f" - {lag}" if part.lag else ""))
            values.append(part.since)
        if part.until is not None:
            tests.append(f"{column} < cast(? as {kind})")
            values.append(part.until)
        span = " and ".join(tests)
        return (f"({span} or {column} is null)" if part.until is None else f"({span})"), values

    def run(self, con: duckdb.DuckDBPyConnection, table: str, sql: str, values: list[Any]) -> duckdb.DuckDBPyConnection:
        """Execute; turn DuckDB's complaint into one line with table, file and cure."""
        try:
            return con.execute(sql, values)
        except duckdb.Error as error:
            raise unreadable(self.source.system, table, error) from error


def unreadable(system: str, table: str, error: Exception) -> RegularsError:
    """The error of a file that is not (whole) Parquet."""
    reason = str(error).splitlines()[0]
    return RegularsError(
        f"source {system}, table {table}: not readable as Parquet: {reason}",
        "Replace the file with a whole one, or mend the table's path",
    )
