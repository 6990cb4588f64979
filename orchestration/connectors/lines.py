"""Kinds whose rows are lines: DuckDB reads the lines, an SQL expression takes each apart."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.connectors.base import REJECTED, WHOLE, Part, SourceFile
from orchestration.connectors.rejects import NOT_READABLE, SHOWN, reader_rejects
from orchestration.connectors.text import TextConnector, scan_options
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import exact_path, quote

# A delimiter that no text holds, so that every line is one cell.
NOWHERE = "chr(1) || chr(2) || chr(3) || chr(2)"
MAX_LINE = 16 << 20


class LineConnector(TextConnector):
    """A kind says which lines are good, what columns they give, and why the others are refused."""

    reason = NOT_READABLE

    def columns(self, table: str) -> dict[str, str]:
        """Columns of the table, all text."""
        raise NotImplementedError

    def lines_to_skip(self, table: str) -> int:
        """Lines above the data of each file."""
        raise NotImplementedError

    def good(self, table: str) -> str:
        """SQL of whether `line` is a row."""
        raise NotImplementedError

    def why(self, table: str) -> str:  # noqa: ARG002 - for kinds that have several
        """SQL of the reason why a `line` is no row."""
        return quote(self.reason)

    def parsed(self, table: str, names: list[str]) -> str:  # noqa: ARG002 - for kinds that need it
        """SQL over `line` of what `fields` sees as `m`."""
        return "null"

    def fields(self, table: str, names: list[str]) -> str:
        """SQL of a select list over `line` and `m` that gives the columns."""
        raise NotImplementedError

    def lines(self, table: str, files: list[SourceFile], connection: duckdb.DuckDBPyConnection) -> str:
        """SQL of all lines that are not blank: `line`, `_source_file`, `_source_row` (the line's number)."""
        mark = connection.execute(f"select {NOWHERE}").fetchone()
        assert mark is not None
        skip = self.lines_to_skip(table)
        selects = [
            f"select line, {quote(file.name)} as _source_file, row_number() over () + {skip} as _source_row "
            f"from read_csv({quote(exact_path(self.lined(table, file)))}, columns = {{'line': 'VARCHAR'}}, "
            f"delim = {quote(mark[0])}, quote = '', escape = '', header = false, skip = {skip}, "
            f"auto_detect = false, {scan_options(self.lined(table, file), '', MAX_LINE)}, "
            "store_rejects = true, rejects_limit = 0)"
            for file in files
        ]
        nothing = "select null::varchar as line, null::varchar as _source_file, null::bigint as _source_row limit 0"
        return f"select * from ({' union all '.join(selects) or nothing}) where trim(line) <> ''"

    def count(self, table: str, part: Part = WHOLE) -> int | None:  # noqa: ARG002 - the interface's
        """Only reading tells."""
        return None

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """Good lines as rows; the others are kept for `rejected`."""
        files = self.wanted(table, part)
        names = list(self.columns(table))
        con.execute("create or replace temp table source_name (path varchar, name varchar)")
        for file in files:
            con.execute("insert into source_name values (?, ?)", [str(self.lined(table, file)), file.name])
        lines = self.lines(table, files, con)
        con.execute(
            f"""
            create or replace temp view refused_line as
            select _source_file, _source_row, {self.why(table)} as reason_code, null::varchar as column_name,
              null::varchar as value, left(line, {SHOWN}) as raw_record
            from ({lines}) where not coalesce({self.good(table)}, false)
            """
        )
        return (
            f"select {self.fields(table, names)}, _source_file, _source_row from ("
            f"select *, {self.parsed(table, names)} as m from ({lines}) where coalesce({self.good(table)}, false))"
        )

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Lines that are no rows, and those that could not even be read as text."""
        found = con.execute("select * from refused_line").to_arrow_table().cast(REJECTED)
        return pa.concat_tables([found, reader_rejects(con)])

    def found(self, con: duckdb.DuckDBPyConnection, table: str, sql: str) -> list[tuple[str, ...]]:
        """Rows of a query; says which table could not be read."""
        try:
            return con.execute(sql).fetchall()
        except duckdb.Error as error:
            raise RegularsError(
                f"{self.place(table)}: not readable: {str(error).splitlines()[0]}", "Check the file and its encoding"
            ) from error
