"""CSV and TSV: text with a delimiter, read by DuckDB's parallel reader; every column is text, as received.

Numbers and dates are read by the contract when they are conformed (`formats` of the source): an article number
keeps its leading zeros.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from orchestration.connectors.base import WHOLE, Part, SourceFile, System, none_rejected
from orchestration.connectors.dialect import Dialect
from orchestration.connectors.files import column_key, distinct_names, own_name, united
from orchestration.connectors.mend import Job, Mended, UnclearRecords, mend
from orchestration.connectors.preamble import (
    Preamble,
    Unreadable,
    above_header,
    declared_delimiter,
    head,
    is_header,
    name_of,
    read_preamble,
    without_header,
)
from orchestration.connectors.rejects import reader_rejects
from orchestration.connectors.scan import Expected
from orchestration.connectors.shapes import Shapes
from orchestration.connectors.text import SMALLEST_BUFFER, TextConnector, TextSettings, unpacked_name
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import exact_path, quote, quote_name

FileKey = tuple[str, str, int, int]  # table, file, size, time
DELIMITERS = ",;\t|"


class DelimitedSettings(TextSettings):
    """CSV, TSV and their like."""

    kind: Literal["csv"]
    delimiter: str | None = Field(default=None, description="default: found from the first lines")
    quote: str = Field(default='"', max_length=1)
    escape: str | None = Field(default=None, max_length=1, description="default: the quote, doubled")
    header: bool | None = Field(
        default=None, description="whether the first line names the columns; default: yes, with `columns` as it looks"
    )
    columns: tuple[str, ...] = Field(default=(), description="names, where no header gives them or others are wanted")
    skip: int = Field(default=0, ge=0, description="lines above the header, as an editor counts them")
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
    cure_of_empty = "Put a file with a header line there"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.preambles: dict[FileKey, Preamble | None] = {}
        self.known: dict[FileKey, Mended] = {}
        self.taken: dict[str, Mended] = {}  # files of the part that was read last

    def settings(self, table: str) -> DelimitedSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, DelimitedSettings)
        return settings

    def dialect(self, table: str, file: SourceFile) -> Dialect:
        """How a file is written."""
        own = self.settings(table)
        escape = own.quote if own.escape is None else own.escape
        return Dialect(self.delimiter(table, file).encode(), own.quote.encode(), escape.encode())

    def delimiter(self, table: str, file: SourceFile) -> str:
        """Declared, in the settings or in the file, or found from the first lines."""
        own = self.settings(table)
        if own.delimiter is not None:
            return own.delimiter
        data = head(self.plain(table, file))
        if declared := declared_delimiter(data):
            return declared
        if unpacked_name(file.path).lower().endswith(".tsv"):
            return "\t"
        start, _ = above_header(data, own.skip, (own.comment or "").encode())
        return likely_delimiter(data[start : start + (64 << 10)].decode("utf-8", "replace"), own.quote)

    def preamble(self, table: str, file: SourceFile) -> Preamble | None:
        """What stands above a file's rows; None where it holds nothing.

        Raises:
            RegularsError: the header cannot be read, or nothing tells whether there is one.
        """
        key = file_key(table, file)
        if key not in self.preambles:
            self.preambles[key] = self.read_preamble(table, file)
        return self.preambles[key]

    def read_preamble(self, table: str, file: SourceFile) -> Preamble | None:
        """The same, from the file."""
        own, dialect, data = self.settings(table), self.dialect(table, file), head(self.plain(table, file))
        comment = (own.comment or "").encode()
        try:
            found = read_preamble(data, dialect, own.skip, comment)
        except Unreadable as error:
            raise RegularsError(
                f"{self.place(table, file)}: the header cannot be read: {error}",
                "Mend the line; set format.skip if it is no header; or set format.quote to '' if quotes are no quotes",
            ) from error
        if found is None:
            return None
        has_header = own.header
        if has_header is None:
            has_header = is_header(found.first, own.columns, found.rows) if own.columns else True
        if has_header is None:
            first = ", ".join(cell.decode("utf-8", "replace") for cell in found.first[:5])
            raise RegularsError(
                f"{self.place(table, file)}: columns are declared, and nothing tells whether the first line "
                f"({first}) is a header or a row",
                "Set format.header to true if it is a header, to false if it is a row",
            )
        return found if has_header else without_header(data, dialect, own.skip, comment, found)

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of a file's columns; none where the file is empty.

        Raises:
            RegularsError: the header is not readable, or holds no name.
        """
        own, found = self.settings(table), self.preamble(table, file)
        if found is None:
            return []
        if own.columns:
            return [own_name(name) for name in own.columns]
        if not found.header:
            return [f"column_{place}" for place in range(1, len(found.first) + 1)]
        cells = [name_of(cell) for cell in found.first]
        if not any(cell.strip() for cell in cells):
            raise RegularsError(
                f"{self.place(table, file)}: line {found.lines} should be the header and holds no name",
                "Set format.skip to the number of lines above the header, as an editor counts them",
            )
        if cells[-1].strip() == "" and found.rows and all(len(row) < len(cells) for row in found.rows):
            cells = cells[:-1]  # only the header ends in a delimiter
        return distinct_names(cells)

    def lacking(self, table: str, file: SourceFile) -> str:
        """That it is empty."""
        return "is empty" if self.preamble(table, file) is None else ""

    def mended(self, table: str, file: SourceFile) -> Mended:
        """A file as the reader can take it, with its records counted apart from the reader.

        Raises:
            RegularsError: its lines and records do not explain each other.
        """
        key = file_key(table, file)
        if key in self.known:
            return self.known[key]
        own, plain, found = self.settings(table), self.plain(table, file), self.preamble(table, file)
        assert found is not None, "an empty file is left out before"
        width = len(self.header(table, file))
        expected = Expected(
            self.dialect(table, file), width, found.header, found.line_end, own.max_line, (own.comment or "").encode()
        )
        rows = [row for row in found.rows if len(row) == width]
        trailing = any(len(row) == width + 1 and not row[-1] for row in found.rows)
        copy = Path(self.scratch.name) / f"{len(self.known)}-mended.csv"
        skip = found.lines if found.is_simple else None
        try:
            job = Job(plain, copy, found.start, skip, found.lines, expected, trailing, Shapes(rows), found.is_quoted)
            self.known[key] = mend(job)
        except UnclearRecords as error:
            raise RegularsError(
                f"{self.place(table, file)}: its lines and records do not explain each other",
                "Check format.quote and format.escape: regulars source preview shows what is read",
            ) from error
        return self.known[key]

    def columns(self, table: str) -> dict[str, str]:
        """Columns of all the table's files together, in the order in which they first appear."""
        return dict.fromkeys(united(self.header(table, file) for file in self.filled(table)), "VARCHAR")

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Records by the bytes of the files, apart from DuckDB's reader; rejected ones count."""
        files = [self.mended(table, file) for file in self.filled(table, part)]
        return sum(file.records + len(file.reasons) for file in files)

    def notes(self, table: str, part: Part = WHOLE) -> list[str]:
        """What was read otherwise than it stands there, and which files hold nothing."""
        said = super().notes(table, part)
        for file in self.filled(table, part):
            notes = self.mended(table, file).notes
            said += [f"{file.name}: {note}: {number:,} records" for note, number in notes.items() if number]
        return said

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """Every file of the part; rows that do not parse are kept for `rejected`."""
        names, files = list(self.columns(table)), self.filled(table, part)
        con.execute("create or replace temp table source_name (path varchar, name varchar)")
        # Numbering rows in SQL keeps a scan to one thread. A lone file is landed in its own order, so that the row's
        # place in the lake's file is its place here: the lake numbers it.
        number = "null::bigint" if len(files) == 1 else "row_number() over ()"
        self.taken = {}
        selects = []
        for file in files:
            header, mended = self.header(table, file), self.mended(table, file)
            self.taken[file.name] = mended
            con.execute("insert into source_name values (?, ?)", [str(mended.path), file.name])
            own_names = {column_key(name): quote_name(name) for name in header}
            chosen = ", ".join(
                f"{own_names.get(column_key(name), 'null::varchar')} as {quote_name(name)}" for name in names
            )
            selects.append(
                f"select {chosen}, {quote(file.name)} as _source_file, {number} as _source_row "
                f"from {self.scan(table, file, mended, header)}"
            )
        if not selects:
            fields = ", ".join(f"null::varchar as {quote_name(name)}" for name in names)
            return f"select {fields}, null::varchar as _source_file, null::bigint as _source_row limit 0"
        return " union all ".join(selects)

    def scan(self, table: str, file: SourceFile, mended: Mended, header: list[str]) -> str:
        """SQL of DuckDB's reader over a file's rows."""
        own = self.settings(table)
        options = {
            "delim": quote(self.delimiter(table, file)),
            "quote": quote(own.quote),
            # Where another character escapes quotes, a file that holds it is a mended copy: quotes are doubled.
            "escape": quote(own.quote),
            "header": "false",
            "skip": str(mended.skip),
            "columns": "{" + ", ".join(f"{quote(name)}: 'VARCHAR'" for name in header) + "}",
            "auto_detect": "false",
            "strict_mode": "true",
            "store_rejects": "true",
            "rejects_limit": "0",
            "max_line_size": str(own.max_line),
            # A record longer than the buffer would be dropped without a word (DuckDB 1.5).
            "buffer_size": str(max(SMALLEST_BUFFER, 2 * own.max_line)),
        }
        if own.null_text:
            options["nullstr"] = f"[{', '.join(quote(text) for text in own.null_text)}]"
        return f"read_csv({quote(exact_path(mended.path))}, {', '.join(f'{n} = {v}' for n, v in options.items())})"

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Records that cannot be read, once each, with the number of the record in the file."""
        found = reader_rejects(con)
        tables = [none_rejected()]
        for name, mended in self.taken.items():
            own = found.filter(pc.equal(found["_source_file"], name))
            tables.append(own.set_column(1, "_source_row", mended.places(own["_source_row"])))
            tables.append(mended.rejected(name))
        return pa.concat_tables(tables).sort_by([("_source_file", "ascending"), ("_source_row", "ascending")])


def file_key(table: str, file: SourceFile) -> FileKey:
    """What a table's file is known by while it is read."""
    stat = file.path.stat()
    return table, file.name, stat.st_size, stat.st_mtime_ns


def likely_delimiter(text: str, mark: str) -> str:
    """The delimiter that the first line holds and that most lines hold as often as it does."""
    if mark:  # what stands between quotes says nothing
        inside = re.compile(f"{re.escape(mark)}[^{re.escape(mark)}]*{re.escape(mark)}")
        bare = inside.sub("", text)
        text = bare if any(one in bare.lstrip().split("\n")[0] for one in DELIMITERS) else text
    lines = [line for line in text.splitlines() if line.strip()][:20]
    counts = {one: [line.count(one) for line in lines] for one in DELIMITERS}
    scored = {one: (sum(n == c[0] for n in c), c[0]) for one, c in counts.items() if c and c[0]}
    return max(scored, key=lambda one: scored[one]) if scored else ","
