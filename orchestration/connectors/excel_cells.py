"""Cells of a workbook that hold an error, or a formula that was never calculated: the reader gives them as blanks."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from orchestration.connectors.excel_old import xls_errors

ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\b[^>]*\bt\s*=\s*["']e["'][^>]*(?<!/)>.*?</(?:\w+:)?c\s*>""", re.DOTALL)
ERROR_VALUE = re.compile(rb"(<(?:\w+:)?v\s*>)[^<]*(?=</)")
NOT_CALCULATED = "#NOT CALCULATED!"
BLOCK = 1 << 20
SUSPECT = re.compile(rb"""\bt\s*=\s*["']e["']|</(?:\w+:)?f>\s*(?:</|<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</)""")
HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*\bhidden\s*=\s*["'](?:1|true)["']""")
HINTS = (b'"e"', b"'e'", b"f>", b"error")  # without which there is none
# Error codes of xlsb and xls (MS-XLSB 2.5.97.2).
CODES = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A", 43: "#N/A"}
ROW_HEADER, ERROR_CELLS = 0, {3, 11}  # record types of xlsb: BrtRowHdr; BrtCellError, BrtFmlaError
FILLED_CELLS = range(2, 12)  # BrtCellRk to BrtFmlaError
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Cells = dict[tuple[int, int], str]


def unread_cells(path: Path, sheet: str) -> Cells:
    """(Row, column), from zero, of such cells of a sheet, and what the program shows there.

    Of workbooks of Excel before 2007 (xls) errors are told, and formulas without a value are not.
    """
    suffix = path.suffix.lower()
    if not zipfile.is_zipfile(path):
        return {place: CODES.get(code, CODES[42]) for place, code in xls_errors(path, sheet)}
    with zipfile.ZipFile(path) as archive:
        if suffix == ".ods":
            return ods_cells(archive, sheet)
        part = sheet_part(archive, sheet)
        if part is None:
            return {}
        if part.endswith(".bin"):
            return dict(xlsb_errors(archive.read(part)))
        if not is_suspect(archive, part, SUSPECT):
            return {}
        with archive.open(part) as handle:
            return dict(xlsx_cells(handle))


def with_plain_errors(path: Path, sheet: str, copy: Path) -> bool:
    """Write a workbook with all errors of a sheet as `#N/A`: calamine refuses a sheet for one that it does not know.

    Returns whether there was anything to write; `unread_cells` of the original tells what the cells show.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        part = sheet_part(archive, sheet)
        if part is None or part.endswith(".bin"):
            return False
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as written:
            for item in archive.infolist():
                content = archive.read(item)
                if item.filename == part:
                    content = ERROR_CELL.sub(lambda cell: ERROR_VALUE.sub(rb"\1#N/A", cell[0]), content)
                written.writestr(item.filename, content)
    return True


def hidden_rows(path: Path, sheet: str) -> int:
    """Rows of a sheet that a filter or a person hides; they are read like the others. Of workbooks since 2007."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        part = sheet_part(archive, sheet)
        return len(HIDDEN_ROW.findall(archive.read(part))) if part and part.endswith(".xml") else 0


def local(tag: object) -> str:
    """A tag without its namespace."""
    return str(tag).rpartition("}")[2]


def sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Name of the part that holds a sheet; None where the book does not say."""
    from lxml import etree

    names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        ids = xlsb_sheets(archive.read("xl/workbook.bin"))
        relations = "xl/_rels/workbook.bin.rels"
    elif "xl/workbook.xml" in names:
        book = etree.fromstring(archive.read("xl/workbook.xml"), etree.XMLParser(resolve_entities=False))
        ids = {
            str(node.get("name")): next((str(v) for k, v in node.attrib.items() if local(k) == "id"), "")
            for node in book.iter()
            if local(node.tag) == "sheet"
        }
        relations = "xl/_rels/workbook.xml.rels"
    else:
        return None
    if relations not in names:
        return None
    tree = etree.fromstring(archive.read(relations), etree.XMLParser(resolve_entities=False))
    targets = {node.get("Id"): node.get("Target") or "" for node in tree}
    target = targets.get(ids.get(sheet, ""))
    part = posixpath.normpath(posixpath.join("xl", target)).lstrip("/") if target else ""
    return part if part in names else None


def is_suspect(archive: zipfile.ZipFile, part: str, pattern: re.Pattern[bytes]) -> bool:
    """Whether a part holds such a cell at all; a look at its bytes costs a tenth of taking it apart."""
    before = b""
    with archive.open(part) as handle:
        while block := handle.read(BLOCK):
            text = before + block
            if any(hint in text for hint in HINTS) and pattern.search(text):
                return True
            before = block[-100:]
    return False


def xlsx_cells(handle: IO[bytes]) -> Iterator[tuple[tuple[int, int], str]]:
    """Such cells of a sheet's XML; a cell or row without a reference follows the one before."""
    from lxml import etree

    row = column = -1
    events = etree.iterparse(handle, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    for event, node in events:
        tag = local(node.tag)
        if event == "start" and tag == "row":
            row, column = int(node.get("r")) - 1 if node.get("r") else row + 1, -1
        elif event == "start" and tag == "c":
            column = column_of(node.get("r")) if node.get("r") else column + 1
        elif event == "end" and tag == "c":
            parts = {local(child.tag): child.text or "" for child in node}
            if node.get("t") == "e":
                yield (row, column), parts.get("v") or CODES[42]
            elif "f" in parts and not parts.get("v") and node.get("t") != "str":
                yield (row, column), NOT_CALCULATED
        elif event == "end" and tag == "row":
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]


def column_of(reference: str) -> int:
    """Column, from zero, of a reference such as `AB7`."""
    number = 0
    for letter in reference.upper():
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def row_of(reference: str) -> int:
    """Row, from zero, of a reference such as `AB7`."""
    return int(reference.lstrip(LETTERS) or 1) - 1


def xlsb_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each record of a binary part (MS-XLSB 2.1.4)."""
    at = 0
    while at < len(content):
        kind, shift = content[at], 7
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[at] & 0x7F) << shift
            at += 1
        size = shift = 0
        while True:
            byte = content[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not byte & 0x80:
                break
        yield kind, content[at : at + size]
        at += size


def xlsb_sheets(content: bytes) -> dict[str, str]:
    """Sheet → id of its relation (BrtBundleSh)."""
    found = {}
    for kind, record in xlsb_records(content):
        if kind == 156:
            texts, at = [], 8
            for _ in range(2):
                length = int.from_bytes(record[at : at + 4], "little")
                texts.append(record[at + 4 : at + 4 + 2 * length].decode("utf-16-le"))
                at += 4 + 2 * length
            found[texts[1]] = texts[0]
    return found


def xlsb_cells(content: bytes) -> Iterator[tuple[int, int]]:
    """Cells of a binary sheet that hold something."""
    row = -1
    for kind, record in xlsb_records(content):
        if kind == ROW_HEADER:
            row = int.from_bytes(record[:4], "little")
        elif kind in FILLED_CELLS:
            yield row, int.from_bytes(record[:4], "little")


def xlsb_errors(content: bytes) -> Iterator[tuple[tuple[int, int], str]]:
    """Error cells of a binary sheet."""
    row = -1
    for kind, record in xlsb_records(content):
        if kind == ROW_HEADER:
            row = int.from_bytes(record[:4], "little")
        elif kind in ERROR_CELLS:
            yield (row, int.from_bytes(record[:4], "little")), CODES.get(record[8], CODES[42])


def ods_cells(archive: zipfile.ZipFile, sheet: str) -> Cells:
    """Error cells of an OpenDocument sheet: what is shown is the cell's text."""
    from lxml import etree

    if not is_suspect(archive, "content.xml", re.compile(rb"""value-type\s*=\s*["']error["']""")):
        return {}
    found: Cells = {}
    row = column = 0
    with archive.open("content.xml") as handle:
        name: str | None = None
        events = etree.iterparse(handle, events=("start", "end"), resolve_entities=False, no_network=True)
        for event, node in events:
            tag, values = local(node.tag), {local(key): value for key, value in node.attrib.items()}
            if event == "start" and tag == "table":
                name, row = values.get("name"), 0
            elif event == "start" and tag == "table-row":
                column = 0
            elif event == "end" and tag == "table-row":
                row += int(values.get("number-rows-repeated", 1))
                node.clear()
            elif event == "end" and tag in {"table-cell", "covered-table-cell"}:
                is_error = any(local(k) == "value-type" and v == "error" for k, v in node.attrib.items())
                if name == sheet and is_error:
                    found[row, column] = "".join(node.itertext()).strip() or CODES[42]
                column += int(values.get("number-columns-repeated", 1))
    return found
