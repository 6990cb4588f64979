"""CSV and TSV: text with a delimiter, read by DuckDB's parallel reader; every column is text, as received.

Numbers and dates are read by the contract when they are conformed (`formats` of the source): an article number
keeps its leading zeros.
"""

from __future__ import annotations

import csv
import itertools
from typing import Literal

import duckdb
import pyarrow as pa
from pydantic import Field, field_validator

from orchestration.connectors.base import WHOLE, Part, SourceFile
from orchestration.connectors.files import distinct_names, united
from orchestration.connectors.rejects import reader_rejects
from orchestration.connectors.text import (
    TextConnector,
    TextSettings,
    has_giant,
    last_quote_if_open,
    scan_options,
    unpacked_name,
)
from orchestration.errors import RegularsError
from orchestration.literals import exact_path, quote, quote_name


class DelimitedSettings(TextSettings):
    """CSV, TSV and their like."""

    kind: Literal["csv"]
    delimiter: str | None = Field(default=None, description="default: found from the first lines")
    quote: str = Field(default='"', max_length=1)
    escape: str | None = Field(default=None, max_length=1, description="default: the quote, doubled")
    header: bool = Field(default=True, description="whether the first line names the columns")
    columns: tuple[str, ...] = Field(default=(), description="names, where no header gives them or others are wanted")
    skip: int = Field(default=0, ge=0, description="lines above the header")
    comment: str | None = Field(default=None, max_length=1, description="lines that start so are left out")
    null_text: tuple[str, ...] = Field(default=(), description="texts that mean nothing is known: NULL, N/A, \\N")
    max_line: int = Field(default=16 << 20, ge=1, description="bytes of the longest line; longer ones are rejected")

    @field_validator("delimiter")
    @classmethod
    def short(cls, value: str | None) -> str | None:
        """One to four bytes, as the reader takes them; `tab` is the tab."""
        value = "\t" if value in {"tab", "\\t"} else value
        if value is not None and not 1 <= len(value.encode()) <= 4:
            raise ValueError("one to four bytes, such as ; or tab")
        return value


class DelimitedConnector(TextConnector):
    """Tables of a folder of CSV or TSV files."""

    suffixes = (".csv", ".tsv", ".txt")
    what = "CSV file"

    def settings(self, table: str) -> DelimitedSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, DelimitedSettings)
        return settings

    def delimiter(self, table: str, file: SourceFile) -> str:
        """Declared, or found from the first lines."""
        declared = self.settings(table).delimiter
        if declared is not None:
            return declared
        if unpacked_name(file.path).lower().endswith(".tsv"):
            return "\t"
        with self.plain(table, file).open("rb") as handle:
            lines = handle.read(1 << 16).decode("utf-8", "replace").splitlines()
        lines = [line for line in lines[self.settings(table).skip :] if line.strip()][:20]
        counts = {mark: [line.count(mark) for line in lines] for mark in ",;\t|"}
        # The mark that the header holds and that most lines hold as often as the header does.
        scored = {m: (sum(n == c[0] for n in c), c[0]) for m, c in counts.items() if c and c[0]}
        return max(scored, key=lambda mark: scored[mark]) if scored else ","

    def options(self, table: str, file: SourceFile) -> str:
        """Options of DuckDB's reader that hold for header and rows alike."""
        own = self.settings(table)
        options = {
            "delim": quote(self.delimiter(table, file)),
            "quote": quote(own.quote),
            "escape": quote(own.escape if own.escape is not None else own.quote),
            "auto_detect": "false",
            "strict_mode": "true",
        }
        if own.comment:
            options["comment"] = quote(own.comment)
        self.refuse_open_quote(table, file)
        scan = scan_options(self.plain(table, file), own.quote, own.max_line)
        return ", ".join([*(f"{name} = {value}" for name, value in options.items()), scan])

    def refuse_open_quote(self, table: str, file: SourceFile) -> None:
        """A quote that opens a field and is not closed within the longest record swallows the rest of the file.

        The reader would take it for one record and, longer than its buffer, lose it.

        Raises:
            RegularsError: there is such a quote; says where.
        """
        own, path = self.settings(table), self.plain(table, file)
        if not own.quote or not has_giant(path, own.quote, own.max_line):
            return
        at = last_quote_if_open(path, own.quote)
        if at is None or path.stat().st_size - at <= own.max_line:
            return
        with path.open("rb") as handle:
            handle.seek(max(at - 1, 0))
            before = handle.read(1) if at else b"\n"
        if before in (b"\n", b"\r", self.delimiter(table, file).encode()[-1:]):
            raise RegularsError(
                f"{self.place(table, file)}: the quote at byte {at:,} is never closed",
                "Mend the file there; or set format.quote to '' if quotes are no quotes in it",
            )

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of a file's columns.

        Raises:
            RegularsError: the file is empty or not readable.
        """
        own = self.settings(table)
        if own.columns:
            return list(own.columns)
        found = self.first_record(table, file)
        if found is None:
            raise RegularsError(f"{self.place(table, file)}: is empty", "Put a file with a header line there")
        if not own.header:
            return [f"column_{place}" for place in range(1, len(found) + 1)]
        return distinct_names(found)

    def first_record(self, table: str, file: SourceFile) -> list[str] | None:
        """Cells of the first record below the skipped lines; None where the file has none."""
        own, mark = self.settings(table), self.delimiter(table, file)
        with self.plain(table, file).open(encoding="utf-8-sig", errors="replace", newline="") as handle:
            lines = (line for line in itertools.islice(handle, own.skip, None) if line.strip())
            if own.comment:
                lines = (line for line in lines if not line.startswith(own.comment or ""))
            if len(mark) > 1 or not own.quote:
                line = next(lines, None)
                return line.rstrip("\r\n").split(mark) if line is not None else None
            try:
                return next(csv.reader(lines, delimiter=mark, quotechar=own.quote), None)
            except csv.Error as error:
                raise self.unreadable(table, file, error) from error

    def columns(self, table: str) -> dict[str, str]:
        """Columns of all the table's files together, in the order in which they first appear."""
        return dict.fromkeys(united(self.header(table, file) for file in self.files(table)), "VARCHAR")

    def count(self, table: str, part: Part = WHOLE) -> int | None:  # noqa: ARG002 - the interface's
        """Only reading tells: a line break within quotes ends no row."""
        return None

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """Every file of the part; rows that do not parse are kept for `rejected`."""
        own = self.settings(table)
        names = list(self.columns(table))
        con.execute("create or replace temp table source_name (path varchar, name varchar)")
        # Numbering rows in SQL keeps a scan to one thread. A lone file is landed in its own order, so that the row's
        # place in the lake's file is its place here: the lake numbers it.
        number = "null::bigint" if len(self.wanted(table, part)) == 1 else "row_number() over ()"
        selects = []
        nulls = f", nullstr = [{', '.join(quote(text) for text in own.null_text)}]" if own.null_text else ""
        for file in self.wanted(table, part):
            path, header = self.plain(table, file), self.header(table, file)
            con.execute("insert into source_name values (?, ?)", [str(path), file.name])
            declared = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in header)
            own_names = {name.lower() for name in header}
            chosen = ", ".join(
                f"{quote_name(name) if name.lower() in own_names else 'null::varchar'} as {quote_name(name)}"
                for name in names
            )
            selects.append(
                f"select {chosen}, {quote(file.name)} as _source_file, {number} as _source_row "
                f"from read_csv({quote(exact_path(path))}, {self.options(table, file)}, "
                f"header = {str(own.header).lower()}, skip = {own.skip}, columns = {{{declared}}}{nulls}, "
                "store_rejects = true, rejects_limit = 0)"
            )
        if not selects:
            fields = ", ".join(f"null::varchar as {quote_name(name)}" for name in names)
            return f"select {fields}, null::varchar as _source_file, null::bigint as _source_row limit 0"
        return " union all ".join(selects)

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Lines that DuckDB could not parse, once each, with the number of the record in the file."""
        return reader_rejects(con)

    def unreadable(self, table: str, file: SourceFile, error: Exception) -> RegularsError:
        """The error of a file that is no CSV."""
        return RegularsError(
            f"{self.place(table, file)}: not readable as CSV: {str(error).splitlines()[0]}",
            "Check delimiter, quote and encoding: regulars source preview shows what is read",
        )
