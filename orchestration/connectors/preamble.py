"""What stands above the rows of a delimited file: title lines, a delimiter declaration, the header.

One counter of lines for all of it: `skip` counts lines as an editor shows them, also those within quotes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.connectors.dialect import BREAK, Dialect, physical_lines

READ = 4 << 20  # bytes in which the header has to end
SAMPLE = 64 << 10  # bytes of rows looked at to know them
SAMPLED = 200  # rows of them at most
SEP = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's declaration in the first line
NUMBER = re.compile(rb"[+-]?[\d.,: /-]*\d[\d.,: /%-]*")  # numbers, dates and times
BREAKS = re.compile(rb"\s*[\r\n]+\s*")


class Unreadable(Exception):
    """The header cannot be read; says why, and where."""


@dataclass(frozen=True)
class Preamble:
    """Where a file's rows begin, and what is known of them.

    Args:
        first: cells of the first record.
        header: the first record as it stands there, where it is the header.
        start: offset of the first row.
        lines: lines above it.
        is_simple: whether the reader may pass over so many lines by itself.
        line_end: of the rows.
        rows: cells of some rows from the first on, as far as they can be read line by line.
        is_quoted: whether all cells of them are quoted.
    """

    first: list[bytes]
    header: bytes
    start: int
    lines: int
    is_simple: bool
    line_end: bytes
    rows: list[list[bytes]]
    is_quoted: bool


def declared_delimiter(data: bytes) -> str | None:
    """The delimiter that a first line `sep=;` declares."""
    found = SEP.fullmatch(physical_lines(data[:100].removeprefix(codecs.BOM_UTF8))[0])
    return found[1].decode("utf-8", "replace") if found else None


def head(path: Path) -> bytes:
    """The beginning of a file."""
    with path.open("rb") as handle:
        return handle.read(READ)


def after_line(data: bytes, place: int) -> int:
    """Where the line below a place begins."""
    found = BREAK.search(data, place)
    return found.end() if found else len(data)


def above_header(data: bytes, skip: int, comment: bytes) -> tuple[int, int]:
    """Offset of the first record below skipped, declaring, blank and comment lines; and their number."""
    place = lines = 0
    while data.startswith(codecs.BOM_UTF8, place):
        place += len(codecs.BOM_UTF8)
    skip = max(skip, int(declared_delimiter(data) is not None))
    while place < len(data):
        end = after_line(data, place)
        line = data[place:end]
        is_comment = bool(comment) and line.startswith(comment)
        if lines >= skip and line.strip(b" \t\r\n\x1a") and not is_comment:
            break
        place, lines = end, lines + 1
    return place, lines


def read_preamble(data: bytes, dialect: Dialect, skip: int, comment: bytes) -> Preamble | None:
    """What stands above the rows, the first record taken for the header; None where there is no record.

    Raises:
        Unreadable: a quote in the header is never closed, or swallows rows.
    """
    top, lines = above_header(data, skip, comment)
    if top == len(data):
        return None
    found = dialect.record.match(data, top)
    if found is None:
        raise Unreadable(f"line {lines + 1} holds a quote that is not closed as it should be")
    header = data[top : found.start("end")]
    own = physical_lines(header)
    start = found.end()
    cells = dialect.cells(header)[0]
    rows, is_quoted = sample(data, start, dialect, len(cells))
    if len(own) > 1 and swallows_rows(own, dialect.delimiter, len(cells), rows):
        raise Unreadable(f"a quote in line {lines + 1} is closed {len(own) - 1} lines below, across whole rows")
    next_record = dialect.record.match(data, start)
    line_end = (next_record["end"] if next_record else b"") or found["end"] or b"\n"
    above = data[:start]
    is_simple = (
        not (dialect.quote and dialect.quote in data[:top])
        and len(own) == 1
        and above.count(codecs.BOM_UTF8) <= int(above.startswith(codecs.BOM_UTF8))
        and set(BREAK.findall(above)) <= {line_end}
        and b"\0" not in above
    )
    is_quoted = is_quoted and header == dialect.written(cells, always=True)
    return Preamble(cells, header, start, lines + len(own), is_simple, line_end, rows, is_quoted)


def swallows_rows(lines: Sequence[bytes], delimiter: bytes, width: int, rows: Sequence[Sequence[bytes]]) -> bool:
    """Whether a first record of several lines may be rows that a quote swallows: each line has as many delimiters.

    It is a header with line breaks in its names all the same where the rows below have its cells, and none has those
    of its lines.

    Args:
        lines: of the record.
        delimiter: of the file.
        width: cells of the record.
        rows: some rows below it.
    """
    counts = {line.count(delimiter) for line in lines}
    if len(counts) > 1 or counts == {0}:
        return False
    widths = {len(row) for row in rows}
    return width not in widths or counts.pop() + 1 in widths


def without_header(data: bytes, dialect: Dialect, skip: int, comment: bytes, found: Preamble) -> Preamble:
    """The same file where its first record is a row."""
    top, lines = above_header(data, skip, comment)
    rows, is_quoted = sample(data, top, dialect, len(found.first))
    return Preamble(found.first, b"", top, lines, found.is_simple, found.line_end, rows, is_quoted)


def sample(data: bytes, start: int, dialect: Dialect, width: int) -> tuple[list[list[bytes]], bool]:
    """Cells of lines from a place on, without those whose quotes are astray.

    And whether every cell is quoted in most lines that have as many as the first record.
    """
    lines = physical_lines(data[start : start + SAMPLE])
    if start + SAMPLE < len(data):
        lines = lines[:-1]
    rows: list[list[bytes]] = []
    quoted: list[bool] = []
    for line in filter(bytes.strip, lines[:SAMPLED]):
        cells, stray = dialect.cells(line)
        if not stray:
            rows.append(cells)
        if len(cells) == width and not stray:
            quoted.append(bool(dialect.quote) and line == dialect.written(cells, always=True))
    return rows, 3 * sum(quoted) >= 2 * len(quoted)


def is_header(first: Sequence[bytes], names: Sequence[str], rows: Sequence[Sequence[bytes]]) -> bool | None:
    """Whether a first record is a header, where names are declared and nothing says whether there is one.

    It is one if it holds the names, and if some column has numbers or dates below a text; it is a row if it holds
    numbers or dates itself, or less than one text per column. None: nobody can tell.
    """
    cells = [cell.decode("utf-8", "replace").strip().lower() for cell in first]
    if cells == [name.strip().lower() for name in names]:
        return True
    if any(not cell for cell in cells) or len(set(cells)) < len(cells) or any(map(NUMBER.fullmatch, first)):
        return False
    columns = list(zip(*(row for row in rows if len(row) == len(first)), strict=True))
    if any(all(NUMBER.fullmatch(cell.strip()) for cell in column) for column in columns):
        return True
    return None


def name_of(cell: bytes) -> str:
    """A header cell's text; a line break within it is a blank."""
    return BREAKS.sub(b" ", cell).decode("utf-8", "replace")
