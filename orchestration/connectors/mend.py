"""A delimited file made readable: stretches that are clean stay as they are, the others are written anew.

What a person would read without a doubt is written as a strict reader takes it: stray quotes, other line ends within
one file, marks of the byte order inside it, an end-of-file character. What nobody can tell is rejected by name.
Stretches that are not clean are taken record by record; a file without any is not copied at all.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from orchestration.connectors.base import REJECTED
from orchestration.connectors.dialect import Dialect, physical_lines
from orchestration.connectors.rejects import (
    BROKEN_QUOTES,
    NUL,
    OVER_LINES,
    REPEATED_HEADER,
    SHOWN,
    TOO_LONG,
    WRONG_ENCODING,
)
from orchestration.connectors.scan import END_OF_FILE, Expected, count, is_utf8, scan
from orchestration.connectors.shapes import Shapes
from orchestration.connectors.stretches import STRETCH, Stretches

FORMULA_CELL = re.compile(rb'\A="([^"]*)"\Z')
FARTHEST = 64 << 20  # bytes within which a quote must be closed

# What was read otherwise than it stands there.
LITERAL = "quotes that quote nothing are read as characters"
ESCAPED = 'quotes behind a backslash (\\") are read as quotes'
FORMULA = 'digits written as a formula (="00042") are read without it'


@dataclass
class Mended:
    """A file as it is given to the reader.

    Args:
        path: the file itself, or a copy of its records alone.
        skip: lines above the first record.
        records: records of `path` below those lines, counted by its bytes.
        lines_before: records of the file above its first row; rows are numbered from there.
        is_copy: whether `path` is a copy; a blank line stands first in it, so that DuckDB sees which line end it has.
    """

    path: Path
    skip: int
    records: int
    lines_before: int
    is_copy: bool
    numbers: array[int] = field(default_factory=lambda: array("q"))
    reasons: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    left_out: array[int] = field(default_factory=lambda: array("q"))
    notes: Counter[str] = field(default_factory=Counter)

    def rejected(self, name: str) -> pa.Table:
        """What was rejected before the reader saw it; schema `REJECTED`."""
        count = len(self.reasons)
        columns = [
            pa.array([name] * count, pa.string()), pa.array(self.numbers, pa.int64()), pa.array(self.reasons),
            pa.nulls(count, pa.string()), pa.nulls(count, pa.string()), pa.array(self.texts),
        ]  # fmt: skip
        return pa.Table.from_arrays([c.cast(f.type) for c, f in zip(columns, REJECTED, strict=True)], schema=REJECTED)

    def places(self, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
        """Numbers of records in the file, of the reader's numbers of them."""
        if not self.is_copy:
            return numbers
        found = numbers.to_numpy() - self.skip
        gone = np.searchsorted(np.asarray(self.left_out, dtype=np.int64), found, side="left")
        return pa.chunked_array([pa.array(found + gone + self.lines_before, pa.int64())])


@dataclass(frozen=True)
class Job:
    """A file to make readable.

    Args:
        source: plain UTF-8, perhaps with broken bytes.
        copy: where a copy goes if one is needed.
        start: offset of the first record below the header.
        skip: lines above it, if the reader may be told to pass over them; else a copy is made without them.
        lines_before: lines and records above it.
        expected: what its records should be.
        trailing: whether records end in one delimiter too many.
        shapes: what its records look like.
        is_quoted: whether every cell is quoted, as far as the first rows tell.
    """

    source: Path
    copy: Path
    start: int
    skip: int | None
    lines_before: int
    expected: Expected
    trailing: bool
    shapes: Shapes
    is_quoted: bool


def mend(job: Job) -> Mended:
    """Make a file readable; counts its records.

    Raises:
        UnclearRecords: its lines and records do not explain each other.
    """
    with job.source.open("rb") as handle:
        if job.skip is not None and not job.trailing:
            records = 0
            bytes_ = Stretches(handle, job.start)
            while bytes_.more(STRETCH):
                data, is_last = bytes_.next(STRETCH)
                found = scan(data, job.expected, is_last)
                if found is None:
                    break
                records += found.records
                bytes_.place += found.end
            else:
                return Mended(job.source, job.skip, records, job.lines_before, False)
        return Writer(job).write(handle)


def small(cell: bytes) -> bytes:
    """A cell in small letters."""
    return (
        cell.lower() if cell.isascii() else cell.decode("utf-8", "surrogateescape").lower().encode("utf-8", "replace")
    )


class UnclearRecords(Exception):
    """A mended file does not hold the records that were written to it."""


class Writer:
    """Writes the copy of one file."""

    def __init__(self, job: Job) -> None:
        self.job, self.expected = job, job.expected
        self.dialect = job.expected.dialect
        self.width, self.mark, self.quote = job.expected.width, self.dialect.delimiter, self.dialect.quote
        self.mended = Mended(job.copy, 1, 0, job.lines_before, True)
        header = self.dialect.cells(job.expected.header)[0] if job.expected.header else []
        self.header = [cell.strip() for cell in header]
        self.taken = 0  # records of the file so far
        self.written = 0  # of them in the copy
        self.limit = max(FARTHEST, 4 * job.expected.max_line)

    def write(self, handle: BufferedReader) -> Mended:
        """Copy clean stretches as they are, and the others record by record."""
        bytes_ = Stretches(handle, self.job.start)
        with self.job.copy.open("wb") as out:
            out.write(self.expected.line_end)
            while bytes_.more(STRETCH):
                data, is_last = bytes_.next(STRETCH)
                found = None if self.job.trailing else scan(data, self.expected, is_last)
                if found:
                    out.write(data[: found.end])
                    if found.end == len(data) and data[-1:] not in (b"\n", b"\r"):
                        out.write(self.expected.line_end)
                    self.taken += found.records
                    self.written += found.records
                    bytes_.place += found.end
                else:
                    stop = bytes_.offset + STRETCH
                    while bytes_.offset < stop and bytes_.more(1):
                        self.take(bytes_, out)
        return self.counted()

    def counted(self) -> Mended:
        """The copy's records, counted by its bytes as those of a clean file are.

        Raises:
            UnclearRecords: they are not those that were written.
        """
        dialect = Dialect(self.mark, self.quote, self.quote)
        expected = Expected(dialect, self.width, b"", self.expected.line_end, 4 * self.limit, b"")
        with self.job.copy.open("rb") as handle:
            bytes_ = Stretches(handle, len(self.expected.line_end))
            size = STRETCH
            while bytes_.more(size):
                data, is_last = bytes_.next(size)
                found = count(data, expected, is_last)
                if found is None:  # a record longer than that
                    if is_last or size > 2 * expected.max_line:
                        raise UnclearRecords
                    size *= 2
                    continue
                size = STRETCH
                self.mended.records += found.records
                bytes_.place += found.end
        if self.mended.records != self.written:
            raise UnclearRecords
        return self.mended

    def take(self, bytes_: Stretches, out: IO[bytes]) -> None:
        """Take the next record: write it, reject it, or pass over what is none."""
        while bytes_.starts_with(codecs.BOM_UTF8):
            bytes_.place += len(codecs.BOM_UTF8)
        if self.expected.comment and bytes_.starts_with(self.expected.comment):
            bytes_.line(self.limit)
            return
        found = bytes_.match(self.dialect.record, self.limit)
        if found is None:
            line = bytes_.line(self.limit)
            self.take_line(line, out, bytes_.peek() if self.runs_on(line) else None)
            return
        record = found.string[found.start() : found.start("end")]
        if b"\n" in record or b"\r" in record:
            verdict = self.judge_lines(record)
            if verdict == BROKEN_QUOTES:
                self.take_line(bytes_.line(self.limit), out, bytes_.peek())
                return
            if verdict == OVER_LINES:
                bytes_.place = found.end()
                for line in filter(None, physical_lines(record)):
                    self.reject(OVER_LINES, line)
                return
        bytes_.place = found.end()
        if record and not (record == END_OF_FILE and bytes_.is_done()):
            self.take_record(record, out)

    def take_record(self, record: bytes, out: IO[bytes]) -> None:
        """Take a record whose quotes are in order."""
        if flaw := self.flaw(record):
            self.reject(flaw, record)
        elif self.quote and self.quote in record:
            self.put(self.dialect.cells(record)[0], out, record)
        else:
            cells = record.split(self.mark)
            if self.job.trailing and len(cells) == self.width + 1 and not cells[-1]:
                record = record[: -len(self.mark)]
            if self.is_header(cells):
                self.reject(REPEATED_HEADER, record)
            else:
                self.out(record, out)

    def put(self, cells: list[bytes], out: IO[bytes], record: bytes) -> None:
        """Write cells as a record that needs no leniency."""
        if len(cells) == self.width + 1 and not cells[-1] and self.job.trailing:
            cells = cells[:-1]
        if self.is_header(cells):
            self.reject(REPEATED_HEADER, record)
            return
        if b"=" in record and self.quote == b'"':
            plain = [FORMULA_CELL.sub(rb"\1", cell) for cell in cells]
            self.mended.notes[FORMULA] += int(plain != cells)
            cells = plain
        self.out(self.dialect.written(cells), out)

    def take_line(self, line: bytes, out: IO[bytes], following: bytes | None) -> None:
        """Take a line whose quotes are astray as a record of its own, if it can only be one.

        Args:
            line: the line.
            out: the copy.
            following: the line below, if the quote would run on over it: that has to be a record too.
        """
        if flaw := self.flaw(line):
            self.reject(flaw, line)
            return
        if self.dialect.doubles and b"\\" + self.quote in line:
            escaped = Dialect(self.mark, self.quote, b"\\")
            if escaped.record.fullmatch(line) and len(cells := escaped.cells(line)[0]) == self.width:
                self.mended.notes[ESCAPED] += 1
                self.put(cells, out, line)
                return
        cells, stray = self.dialect.cells(line)
        is_open = following is None or (self.looks_like_record(line) and self.looks_like_record(following))
        # Quotes at both ends with others between: nobody can say which of them are meant.
        if len(cells) != self.width or not is_open or any(cell[1:].endswith(self.quote) for cell in stray):
            self.reject(BROKEN_QUOTES, line)
            return
        self.mended.notes[LITERAL] += 1
        self.put(cells, out, line)

    def judge_lines(self, record: bytes) -> str | None:
        """Whether a record of several lines is one (None), or a quote that swallows records.

        Text of several lines seldom has lines that hold as many delimiters as a record and look like one. Where the
        records' columns have no form by which to tell, nobody can say.
        """
        lines = physical_lines(record)
        alike = [line for line in lines if line.count(self.mark) == self.width - 1]
        # A text in the last column always begins, and one in the first always ends, in a line that is alike.
        first, last = lines[0] in alike[:1], lines[-1] in alike[-1:]
        if self.width == 1 or not (len(alike) > first + last or (first and last)):
            return None
        if self.job.shapes.are_known and not any(self.looks_like_record(line) for line in alike[first:]):
            return None
        is_whole = len(self.dialect.cells(record)[0]) == self.width
        if is_whole and self.job.is_quoted:
            return None  # where every cell is quoted, a record would have quotes of its own
        is_swallowed = len(lines) > 2 and all(self.looks_like_record(line) for line in lines)
        return BROKEN_QUOTES if not is_whole or is_swallowed else OVER_LINES

    def looks_like_record(self, line: bytes) -> bool:
        """Whether a line by itself has a record's cells, in their forms."""
        cells = self.dialect.cells(line)[0]
        return len(cells) == self.width and self.job.shapes.are_known and self.job.shapes.fit(cells)

    def runs_on(self, line: bytes) -> bool:
        """Whether a quote that opens a field of a line is not closed in it."""
        return self.dialect.open_field.search(line) is not None

    def is_header(self, cells: list[bytes]) -> bool:
        """Whether cells are those of the header, as in files that were joined."""
        header = self.header
        if len(cells) != len(header):
            return False
        own = [cell.strip() for cell in cells]
        return own == header or (len(own) > 1 and [*map(small, own)] == [*map(small, header)])

    def flaw(self, record: bytes) -> str | None:
        """Why a record cannot be taken, whatever its quotes."""
        if len(record) > self.expected.max_line:
            return TOO_LONG
        if b"\0" in record:
            return NUL
        return None if record.isascii() or is_utf8(record) else WRONG_ENCODING

    def reject(self, reason: str, record: bytes) -> None:
        """Note a record that is not written."""
        self.taken += 1
        self.mended.left_out.append(self.written)
        self.mended.numbers.append(self.job.lines_before + self.taken)
        self.mended.reasons.append(reason)
        shown = record[: 4 * SHOWN].decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}")
        self.mended.texts.append(shown[:SHOWN])

    def out(self, record: bytes, out: IO[bytes]) -> None:
        """Write a record."""
        self.taken += 1
        self.written += 1
        out.write(record + self.expected.line_end)
