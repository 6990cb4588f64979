"""Error cells of workbooks of Excel before 2007 (xls): records in a stream of a compound file.

Formats: MS-CFB (the container), MS-XLS 2.4.24 BoolErr, 2.4.28 BoundSheet8, 2.4.127 Formula.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FIRST_FATS, ENTRY, LAST = 109, 128, 0xFFFFFFFA  # sectors of the allocation table in the header; bytes; end and free
STREAMS = ("Workbook", "Book")
BOF, EOF, SHEET, CODEPAGE, BOOL_OR_ERROR, FORMULA = 0x809, 0x0A, 0x85, 0x42, 0x205, 0x06
EXCEL_97 = 0x600


class Broken(Exception):
    """A file that is not put together as it should be."""


def xls_errors(path: Path, sheet: str) -> Iterator[tuple[tuple[int, int], int]]:
    """(Row, column), from zero, and code of each error cell of a sheet; none where the file is no such workbook.

    What cannot be followed ends the search: the reader of the sheet tells what is broken.
    """
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        return
    try:
        stream = workbook_stream(data)
        place = sheet_places(stream).get(sheet)
        if place is not None:
            yield from errors_at(stream, place)
    except (struct.error, IndexError, Broken):
        return


def errors_at(stream: bytes, place: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Error cells of the sheet that begins at a place: constants, and formulas whose result is one."""
    depth = 0
    for kind, record in records(stream, place):
        if kind in (BOF, EOF):  # charts within a sheet have a beginning and an end of their own
            depth += 1 if kind == BOF else -1
            if not depth:
                return
        elif depth == 1 and kind == BOOL_OR_ERROR and record[7]:
            yield struct.unpack_from("<HH", record), record[6]
        elif depth == 1 and kind == FORMULA and record[12:14] == b"\xff\xff" and record[6] == 2:
            yield struct.unpack_from("<HH", record), record[8]


def records(stream: bytes, place: int = 0) -> Iterator[tuple[int, bytes]]:
    """Type and content of each record from a place on."""
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + size]
        place += 4 + size


def sheet_places(stream: bytes) -> dict[str, int]:
    """Name of each sheet → where its records begin."""
    found: dict[str, int] = {}
    version, codepage = EXCEL_97, "cp1252"
    for kind, record in records(stream):
        if kind == BOF:
            version = struct.unpack_from("<H", record)[0]
        elif kind == CODEPAGE and version < EXCEL_97:
            codepage = f"cp{struct.unpack_from('<H', record)[0]}"
        elif kind == SHEET:
            found[sheet_name(record, version, codepage)] = struct.unpack_from("<I", record)[0]
        elif kind == EOF:
            break
    return found


def sheet_name(record: bytes, version: int, codepage: str) -> str:
    """The name in a sheet's record."""
    size = record[6]
    if version < EXCEL_97:
        try:
            return record[7 : 7 + size].decode(codepage, "replace")
        except LookupError:
            return record[7 : 7 + size].decode("cp1252", "replace")
    return record[8 : 8 + 2 * size].decode("utf-16-le") if record[7] & 1 else record[8 : 8 + size].decode("latin-1")


def workbook_stream(data: bytes) -> bytes:
    """The stream of a compound file that holds the workbook.

    Raises:
        Broken: there is none, or a chain of sectors leads astray.
    """
    size, small = (1 << shift for shift in struct.unpack_from("<HH", data, 30))
    tables = [number for number in struct.unpack_from(f"<{FIRST_FATS}I", data, 76) if number < LAST]
    further = struct.unpack_from("<I", data, 68)[0]
    while further < LAST and len(tables) * size < len(data):
        *more, further = struct.unpack_from(f"<{size // 4}I", data, (further + 1) * size)
        tables += [number for number in more if number < LAST]
    fat = [n for table in tables for n in struct.unpack_from(f"<{size // 4}I", data, (table + 1) * size)]
    entries = chained(data[size:], fat, struct.unpack_from("<I", data, 48)[0], size)
    root: bytes = b""
    for at in range(0, len(entries) - ENTRY + 1, ENTRY):
        entry = entries[at : at + ENTRY]
        name = entry[: max(struct.unpack_from("<H", entry, 64)[0] - 2, 0)].decode("utf-16-le", "replace")
        start, length = struct.unpack_from("<II", entry, 116)
        if entry[66] == 5:
            root = chained(data[size:], fat, start, size)
        elif name in STREAMS and length >= struct.unpack_from("<I", data, 56)[0]:
            return chained(data[size:], fat, start, size)[:length]
        elif name in STREAMS:
            minis = chained(data[size:], fat, struct.unpack_from("<I", data, 60)[0], size)
            return chained(root, struct.unpack(f"<{len(minis) // 4}I", minis), start, small)[:length]
    raise Broken


def chained(data: bytes, table: Sequence[int], number: int, size: int) -> bytes:
    """The sectors of a chain, one behind the other."""
    parts: list[bytes] = []
    while number < LAST:
        if len(parts) > len(table):
            raise Broken
        parts.append(data[number * size : (number + 1) * size])
        number = table[number]
    return b"".join(parts)
