"""How far a sheet's cells reach: the reader makes a cell of every place up to the farthest, however few are filled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from orchestration.connectors.excel_cells import BLOCK, column_of, local, row_of, sheet_part, xlsb_cells

MOST = 5_000_000  # places of a sheet that are made whatever it holds: 200 MB
LEAST_SHARE = 50  # of so many places of a larger sheet at least one has to be filled
# References with more letters, and with more digits, than so many.
FAR_COLUMN = {n: re.compile(rb'<c r="[A-Za-z]{%d}' % (n + 1)) for n in (1, 2)}
FAR_ROW = {n: re.compile(rb'<c r="[A-Za-z]*[0-9]{%d}' % (n + 1)) for n in range(1, 7)}


@dataclass
class Extent:
    """Rows and columns up to the farthest filled cell, and how many cells are filled."""

    rows: int = 0
    columns: int = 0
    filled: int = 0

    def add(self, row: int, column: int, high: int = 1, wide: int = 1) -> None:
        """Take in cells that are filled: one, or a block of them."""
        self.rows, self.columns = max(self.rows, row + high), max(self.columns, column + wide)
        self.filled += high * wide

    @property
    def is_sparse(self) -> bool:
        """Whether it takes far more memory than what it holds."""
        area = self.rows * self.columns
        return area > MOST and area > LEAST_SHARE * self.filled

    def __str__(self) -> str:
        return f"{self.filled:,} cells are filled, and the farthest is in row {self.rows:,}, column {self.columns:,}"


def sparse_extent(path: Path, sheet: str) -> Extent | None:
    """The extent of a sheet whose filled cells are few and far; None of any other.

    Workbooks of Excel before 2007 reach no farther than 65,536 rows of 256 columns.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if path.suffix.lower() == ".ods":
            found = ods_extent(archive, sheet)
            return found if found.is_sparse else None
        part = sheet_part(archive, sheet)
        if part is None:
            return None
        if part.endswith(".bin"):
            found = extent_of(xlsb_cells(archive.read(part)))
            return found if found.is_sparse else None
        with archive.open(part) as handle:
            if not bound(handle).is_sparse:
                return None
        with archive.open(part) as handle:
            found = extent_of(xlsx_filled(handle))
    return found if found.is_sparse else None


def extent_of(cells: Iterable[tuple[int, int]]) -> Extent:
    """The extent of some filled cells."""
    found = Extent()
    for row, column in cells:
        found.add(row, column)
    return found


def bound(handle: IO[bytes]) -> Extent:
    """An extent that a sheet's is not beyond, told by how long its references are: a look at its bytes costs little.

    A sheet that is not written as spreadsheets do, `<c r="AB12"`, is bound by nothing.
    """
    letters = digits = 1
    found, rest, is_usual = Extent(), b"", True
    while block := handle.read(BLOCK):
        cut = block.rfind(b"<")
        text, rest = (rest + block[:cut], block[cut:]) if cut >= 0 else (b"", rest + block)
        found.filled += text.count(b"</v>") + text.count(b"</is>")
        while letters < 3 and FAR_COLUMN[letters].search(text):
            letters += 1
        while digits < 7 and FAR_ROW[digits].search(text):
            digits += 1
        is_usual = (
            is_usual
            and b":row" not in text
            and all(
                text.count(b"<%s " % tag) + text.count(b"<%s>" % tag) == text.count(b'<%s r="' % tag)
                for tag in (b"c", b"row")
            )
        )
    if not is_usual:
        letters, digits = 3, 7
    found.rows, found.columns = min(10**digits, 1 << 20), min(sum(26**n for n in range(1, letters + 1)), 1 << 14)
    return found


def xlsx_filled(handle: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Cells of a sheet's XML that hold something; a cell or row without a reference follows the one before."""
    from lxml import etree

    row = column = -1
    events = etree.iterparse(handle, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    for event, node in events:
        tag = local(node.tag)
        if event == "start" and tag == "row":
            row, column = int(node.get("r")) - 1 if node.get("r") else row + 1, -1
        elif event == "start" and tag == "c":
            place = node.get("r")
            row, column = (row_of(place), column_of(place)) if place else (row, column + 1)
        elif event == "end" and tag == "c" and len(node):
            yield row, column
        elif event == "end" and tag == "row":
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]


def ods_extent(archive: zipfile.ZipFile, sheet: str) -> Extent:
    """The extent of an OpenDocument sheet, with its repeated cells and rows."""
    from lxml import etree

    found, name = Extent(), None
    row = column = 0
    filled: list[tuple[int, int]] = []
    with archive.open("content.xml") as handle:
        events = etree.iterparse(handle, events=("start", "end"), resolve_entities=False, no_network=True)
        for event, node in events:
            tag, values = local(node.tag), {local(key): value for key, value in node.attrib.items()}
            if event == "start" and tag == "table":
                name, row = values.get("name"), 0
            elif event == "start" and tag == "table-row":
                column, filled = 0, []
            elif event == "end" and tag == "table-row":
                high = int(values.get("number-rows-repeated", 1))
                for place, wide in filled:
                    found.add(row, place, high, wide)
                row += high
                node.clear()
                while node.getprevious() is not None:
                    del node.getparent()[0]
            elif event == "end" and tag in {"table-cell", "covered-table-cell"}:
                wide = int(values.get("number-columns-repeated", 1))
                if name == sheet and (len(node) or "value-type" in values):
                    filled.append((column, wide))
                column += wide
    return found
