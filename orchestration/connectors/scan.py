"""Counts a delimited file's records by its bytes, a stretch at a time, and tells stretches that need no mending.

Quotes of a clean stretch open and close fields in pairs, so a line break is a record's end where the number of
quotes before it is even. That is worked out by array arithmetic, apart from DuckDB's reader, at memory speed.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.connectors.dialect import Dialect

LF, CR = 10, 13
END_OF_FILE = b"\x1a"  # which old programs write after the last line
FORMULA = re.compile(rb'="')  # Excel's way of writing digits as text: ="00042"

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Expected:
    """What a stretch is held against.

    Args:
        dialect: how the file is written.
        width: number of columns.
        header: the header record as it stands in the file; empty where it has none.
        line_end: of the file.
        max_line: bytes of the longest record.
        comment: lines that start so are left out.
    """

    dialect: Dialect
    width: int
    header: bytes
    line_end: bytes
    max_line: int
    comment: bytes


@dataclass(frozen=True)
class Stretch:
    """Whole records at the beginning of some bytes.

    Args:
        end: bytes that they take.
        records: how many they are; blank lines are none.
        longest: bytes of the longest.
    """

    end: int
    records: int
    longest: int


def scan(data: bytes, expected: Expected, is_last: bool) -> Stretch | None:
    """The whole records that some bytes begin with; None where some are not clean, or no record ends.

    Args:
        data: bytes from a record's beginning on.
        expected: what they should be.
        is_last: whether the file ends with them.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = places(array, data, expected.dialect.quote)
    ends = record_ends(array, data, quotes, expected.line_end, is_last)
    found = counted(array, data, quotes, ends, expected)
    if found is None or has_oddities(data[: found.end], expected, is_last):
        return None
    assert ends is not None
    if may_swallow(array, data, quotes, found.end, expected):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    return None if repeats_header(array, starts, expected) else found


def count(data: bytes, expected: Expected, is_last: bool) -> Stretch | None:
    """The whole records that some bytes of a mended file begin with; None where no record ends, or quotes are astray.

    The same as `scan`, without looking for what would have to be mended.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = places(array, data, expected.dialect.quote)
    ends = record_ends(array, data, quotes, expected.line_end, is_last)
    return counted(array, data, quotes, ends, expected)


def counted(
    array: npt.NDArray[np.uint8], data: bytes, quotes: Places, ends: Places | None, expected: Expected
) -> Stretch | None:
    """The records that end at given places; None where a quote is astray or a record is too long."""
    if ends is None or not len(ends):
        return None
    end = min(int(ends[-1]) + 1, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    is_blank = lengths == len(expected.line_end) - 1
    if ends[-1] == len(data):
        is_blank[-1] = False  # the last record has no line end, so nothing of its length is one
    blanks = int(np.count_nonzero(is_blank))
    if blanks and expected.width == 1:
        return None  # the reader would take them for rows
    longest = int(lengths.max()) + 1
    if longest > expected.max_line or not well_placed(array, quotes[quotes < end], expected.dialect):
        return None
    return Stretch(end, len(ends) - blanks, longest)


def places(array: npt.NDArray[np.uint8], data: bytes, mark: bytes) -> Places:
    """Where a one-byte mark is."""
    if not mark or mark not in data:
        return np.empty(0, np.int64)
    return np.flatnonzero(array == mark[0])


def record_ends(
    array: npt.NDArray[np.uint8], data: bytes, quotes: Places, line_end: bytes, is_last: bool
) -> Places | None:
    """Where the last byte of each record's line end is; None where line ends are not the file's.

    The end of the file ends a record too: its place is the number of bytes then.
    """
    feeds = outside(np.flatnonzero(array == LF), quotes)
    ends = feeds
    if line_end == b"\r":
        if len(feeds):
            return None
        ends = outside(np.flatnonzero(array == CR), quotes)
    elif CR in data:
        returns = outside(np.flatnonzero(array == CR), quotes)
        if not is_last and len(returns) and returns[-1] == len(data) - 1:
            returns = returns[:-1]  # the bytes are cut between the two
        if not np.array_equal(returns + 1, ends) if line_end == b"\r\n" else len(returns):
            return None
    elif line_end == b"\r\n" and len(feeds):
        return None
    if is_last and len(data) and (not len(ends) or ends[-1] < len(data) - 1):
        return np.append(ends, len(data)) if len(quotes) % 2 == 0 else None  # else a quote is never closed
    return ends


def outside(breaks: Places, quotes: Places) -> Places:
    """Line breaks outside quotes."""
    return breaks[np.searchsorted(quotes, breaks) % 2 == 0] if len(quotes) else breaks


def well_placed(array: npt.NDArray[np.uint8], quotes: Places, dialect: Dialect) -> bool:
    """Whether every opening quote begins a field, every closing one ends it, and the others are doubled."""
    if not len(quotes):
        return True
    opening, closing = quotes[::2], quotes[1::2]
    doubled = opening[1:] == closing[: len(opening) - 1] + 1
    before = opening[np.concatenate(([True], ~doubled))]
    after = closing[np.concatenate((~doubled, [True]))[: len(closing)]]
    return bool(np.all(is_border(array, before, dialect, -1)) and np.all(is_border(array, after, dialect, 1)))


def is_border(array: npt.NDArray[np.uint8], at: Places, dialect: Dialect, side: int) -> npt.NDArray[np.bool_]:
    """Whether before (-1) or after (1) each place is a delimiter, a line end or nothing."""
    neighbours = at + side
    is_edge = (neighbours < 0) | (neighbours >= len(array))
    near = array[np.clip(neighbours, 0, len(array) - 1)]
    found: npt.NDArray[np.bool_] = is_edge | (near == LF) | (near == CR)
    mark = dialect.delimiter if side > 0 else dialect.delimiter[::-1]
    is_mark = near == mark[0]
    for step, byte in enumerate(mark[1:], start=2):
        further = np.clip(at + side * step, 0, len(array) - 1)
        is_mark &= array[further] == byte
    found |= is_mark
    return found


def may_swallow(array: npt.NDArray[np.uint8], data: bytes, quotes: Places, end: int, expected: Expected) -> bool:
    """Whether some line within quotes holds as many delimiters as a record: it may be one that a quote swallows."""
    quotes = quotes[quotes < end]
    if not len(quotes) or expected.width == 1:
        return False
    breaks = np.flatnonzero(array[:end] == LF)
    if CR in data:
        breaks = np.union1d(breaks, np.flatnonzero(array[:end] == CR))
    within = np.flatnonzero(np.searchsorted(quotes, breaks) % 2)
    if not len(within) or len(expected.dialect.delimiter) > 1:
        return bool(len(within))
    marks = np.flatnonzero(array[:end] == expected.dialect.delimiter[0])
    starts, ends = breaks[within], np.append(breaks, end)[within + 1]
    held = np.searchsorted(marks, ends) - np.searchsorted(marks, starts)
    return bool(np.any(held == expected.width - 1))


def repeats_header(array: npt.NDArray[np.uint8], starts: Places, expected: Expected) -> bool:
    """Whether a record begins as the header does, with quotes or without."""
    dialect = expected.dialect
    cells = dialect.cells(expected.header)[0] if expected.header else []
    mark, quote = dialect.delimiter, dialect.quote
    forms = {expected.header, mark.join(cells), mark.join(quote + cell + quote for cell in cells)}
    return any(begins_somewhere(array, starts, form) for form in forms if form)


def begins_somewhere(array: npt.NDArray[np.uint8], starts: Places, text: bytes) -> bool:
    """Whether a text stands at one of some places."""
    starts = starts[starts + len(text) <= len(array)]
    for step, byte in enumerate(text):
        starts = starts[array[starts + step] == byte]
        if not len(starts):
            return False
    return bool(len(starts))


def has_oddities(data: bytes, expected: Expected, is_last: bool) -> bool:
    """Whether the bytes hold what the reader takes otherwise than it is meant, or cannot take."""
    if b"\0" in data or (expected.comment and expected.comment in data):
        return True
    if is_last and data.rstrip(b"\r\n").endswith(END_OF_FILE):
        return True
    dialect = expected.dialect
    if not dialect.doubles and dialect.escape in data:
        return True
    if dialect.quote == b'"' and FORMULA.search(data):
        return True
    if data.isascii():
        return False
    return codecs.BOM_UTF8 in data or not is_utf8(data)


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
