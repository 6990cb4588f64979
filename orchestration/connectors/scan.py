"""Counts a delimited file's records by its bytes, a stretch at a time, and tells stretches that need no mending.

Quotes of a clean stretch open and close fields in pairs, so a line break is a record's end where the number of
quotes before it is even. That is worked out by array arithmetic, apart from DuckDB's reader, at memory speed.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.connectors.dialect import Dialect

LF, CR = 10, 13
END_OF_FILE = b"\x1a"  # which old programs write after the last line

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
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
    """

    end: int
    records: int


def scan(data: bytes, expected: Expected, is_last: bool) -> Stretch | None:
    """The whole records that some bytes begin with; None where some are not clean, or no record ends.

    Args:
        data: bytes from a record's beginning on.
        expected: what they should be.
        is_last: whether the file ends with them.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = quotes_of(array, data, expected.dialect)
    inside = within_quotes(quotes) if quotes is not None else None
    ends = record_ends(array, data, inside, expected.line_end, is_last)
    found = counted(array, ends, expected)
    if found is None or has_oddities(data[: found.end], expected, is_last):
        return None
    assert ends is not None
    if quotes is not None and inside is not None:
        array, data, size = array[: found.end], data[: found.end], words_of(found.end)
        quotes, inside = quotes[:size], inside[:size]
        for words in (quotes, inside):  # what follows belongs to the next bytes
            words[found.end >> 6] &= (np.uint64(1) << np.uint64(found.end & 63)) - np.uint64(1)
            words[(found.end >> 6) + 1 :] = 0
        if not quotes_in_order(array, data, quotes, inside, expected):
            return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    return None if repeats_header(array, starts, expected) else found


def quotes_of(array: Bytes, data: bytes, dialect: Dialect) -> Words | None:
    """Where quotes are; None where there is none at all."""
    return packed(array == dialect.quote[0]) if dialect.quote and dialect.quote in data else None


def count(data: bytes, expected: Expected, is_last: bool) -> Stretch | None:
    """The whole records that some bytes of a mended file begin with; None where no record ends.

    The same as `scan`, without looking for what would have to be mended.
    """
    array = np.frombuffer(data, np.uint8)
    quotes = quotes_of(array, data, expected.dialect)
    inside = within_quotes(quotes) if quotes is not None else None
    return counted(array, record_ends(array, data, inside, expected.line_end, is_last), expected)


def counted(array: Bytes, ends: Places | None, expected: Expected) -> Stretch | None:
    """The records that end at given places; None where there is none, or one is too long."""
    if ends is None or not len(ends):
        return None
    end = min(int(ends[-1]) + 1, len(array))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    is_blank = lengths == len(expected.line_end) - 1
    if ends[-1] == len(array):
        is_blank[-1] = False  # the last record has no line end, so nothing of its length is one
    blanks = int(np.count_nonzero(is_blank))
    if blanks and expected.width == 1:
        return None  # the reader would take them for rows
    longest = int(lengths.max()) + 1
    return Stretch(end, len(ends) - blanks) if longest <= expected.max_line else None


def words_of(size: int) -> int:
    """How many words hold a bit for each of so many bytes, and one for what follows the last."""
    return size // 64 + 2


def packed(flags: Flags) -> Words:
    """A flag per byte as a bit each, 64 to a word, the first in the lowest place; always a word more than needed."""
    bits = np.packbits(flags, bitorder="little")
    words = np.zeros(words_of(len(flags)), np.uint64)
    words.view(np.uint8)[: len(bits)] = bits
    return words


def before(words: Words) -> Words:
    """Whether the flag of the byte before each one is set; the first has one before it."""
    moved = words << np.uint64(1)
    moved[1:] |= words[:-1] >> np.uint64(63)
    moved[0] |= np.uint64(1)
    return moved


def after(words: Words) -> Words:
    """Whether the flag of the byte after each one is set."""
    moved = words >> np.uint64(1)
    moved[:-1] |= words[1:] << np.uint64(63)
    return moved


def within_quotes(quotes: Words) -> Words:
    """Whether each byte stands behind an opening quote, which counts itself, and before its closing one."""
    words = quotes.copy()
    # The parity of all bits up to each one: within words by doubling steps, then from word to word.
    for step in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(step)
    carried = np.bitwise_xor.accumulate(words >> np.uint64(63))
    words[1:] ^= np.uint64(0) - carried[:-1]
    return words


def record_ends(array: Bytes, data: bytes, inside: Words | None, line_end: bytes, is_last: bool) -> Places | None:
    """Where the last byte of each record's line end is; None where line ends are not the file's.

    The end of the file ends a record too: its place is the number of bytes then.
    """
    feeds = outside(np.flatnonzero(array == LF), inside)
    ends = feeds
    if line_end == b"\r":
        if len(feeds):
            return None
        ends = outside(np.flatnonzero(array == CR), inside)
    elif CR in data:
        returns = outside(np.flatnonzero(array == CR), inside)
        if not is_last and len(returns) and returns[-1] == len(data) - 1:
            returns = returns[:-1]  # the bytes are cut between the two
        if not np.array_equal(returns + 1, feeds) if line_end == b"\r\n" else len(returns):
            return None
    elif line_end == b"\r\n" and len(feeds):
        return None
    if is_last and len(data) and (not len(ends) or ends[-1] < len(data) - 1):
        is_open = inside is not None and bool(inside[-1])  # the word behind the last byte goes on as it does
        return None if is_open else np.append(ends, len(data))
    return ends


def outside(breaks: Places, inside: Words | None) -> Places:
    """Line breaks outside quotes."""
    if inside is None:
        return breaks
    return breaks[~are_set(inside, breaks)]


def are_set(words: Words, at: Places) -> Flags:
    """Whether the flags of some bytes are set."""
    flags: Flags = ((words[at >> 6] >> (at & 63).astype(np.uint64)) & np.uint64(1)).astype(np.bool_)
    return flags


def quotes_in_order(array: Bytes, data: bytes, quotes: Words, inside: Words, expected: Expected) -> bool:
    """Whether quotes are as a strict reader takes them, and mean what they say.

    Every opening quote begins a field, every closing one ends it, and the others are doubled; no line within quotes
    looks like a record; no field is digits written as a formula.
    """
    breaks = packed(array == LF)
    if CR in data:
        breaks |= packed(array == CR)
    begins, ends = (packed(flags) for flags in delimiters(array, expected.dialect.delimiter))
    breaks[len(array) >> 6] |= np.uint64(1) << np.uint64(len(array) & 63)  # the end of the bytes
    opening, closing = quotes & inside, quotes & ~inside
    if np.any(opening & ~before(quotes | breaks | ends)) or np.any(closing & ~after(quotes | breaks | begins)):
        return False
    if b"=" in data and np.any(opening & after(packed(array == ord("=")))):
        return False  # Excel's way of writing digits as text, ="00042"
    within = breaks & inside
    return expected.width == 1 or not np.any(within) or not may_swallow(array, inside, expected)


def delimiters(array: Bytes, mark: bytes) -> tuple[Flags, Flags]:
    """Whether a delimiter begins at a byte, and whether one ends there."""
    begins = array == mark[0]
    if len(mark) == 1:
        return begins, begins
    for step, byte in enumerate(mark[1:], start=1):
        begins[:-step] &= array[step:] == byte
        begins[-step:] = False
    ends = np.zeros(len(array), np.bool_)
    ends[len(mark) - 1 :] = begins[: len(array) - len(mark) + 1]
    return begins, ends


def may_swallow(array: Bytes, inside: Words, expected: Expected) -> bool:
    """Whether some line within quotes holds as many delimiters as a record: it may be one that a quote swallows."""
    if len(expected.dialect.delimiter) > 1:
        return True
    breaks = np.flatnonzero((array == LF) | (array == CR))
    within = np.flatnonzero(are_set(inside, breaks))
    marks = np.flatnonzero(array == expected.dialect.delimiter[0])
    starts, ends = breaks[within], np.append(breaks, len(array))[within + 1]
    held = np.searchsorted(marks, ends) - np.searchsorted(marks, starts)
    return bool(np.any(held == expected.width - 1))


def repeats_header(array: Bytes, starts: Places, expected: Expected) -> bool:
    """Whether a record begins as the header does, with quotes or without."""
    dialect = expected.dialect
    cells = dialect.cells(expected.header)[0] if expected.header else []
    mark, quote = dialect.delimiter, dialect.quote
    forms = {expected.header, mark.join(cells), mark.join(quote + cell + quote for cell in cells)}
    return any(begins_somewhere(array, starts, form) for form in forms if form)


def begins_somewhere(array: Bytes, starts: Places, text: bytes) -> bool:
    """Whether a text may stand at one of some places, in capitals or small letters."""
    starts = starts[starts + len(text) <= len(array)]
    for step, byte in enumerate(text):
        found = array[starts + step]
        if byte >= 0x80:
            starts = starts[found >= 0x80]
        elif chr(byte).isalpha():
            starts = starts[found | 0x20 == byte | 0x20]
        else:
            starts = starts[found == byte]
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
