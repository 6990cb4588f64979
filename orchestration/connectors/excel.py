"""Excel workbooks (xlsx, xlsm, xlsb, xls) and OpenDocument tables: one sheet per table, every cell as text."""

from __future__ import annotations

import contextlib
import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import BATCH_ROWS, WHOLE, Part, SourceFile, System
from orchestration.connectors.excel_cells import unread_cells, with_plain_errors
from orchestration.connectors.excel_extent import sparse_extent
from orchestration.connectors.files import FileSettings, TextColumnsConnector, distinct_names
from orchestration.connectors.numbers import number_text
from orchestration.connectors.rejects import REPEATED_HEADER, TOO_MANY_COLUMNS
from orchestration.platform.errors import RegularsError

MERGED = "#MERGED!"  # a number that stands in one cell for several rows
MAX_UNPACKED = 2 << 30  # bytes of a workbook's parts together; Excel's own limit of rows keeps honest ones below


class ExcelSettings(FileSettings):
    """Workbooks."""

    has_dates: ClassVar[bool] = True

    kind: Literal["excel"]
    sheet: str | None = Field(
        default=None, description="default: the sheet named like the table, else the first that is not hidden"
    )
    skip: int = Field(default=0, ge=0, description="rows above the header")
    header: bool = Field(default=True, description="whether the first row names the columns")
    merged: Literal["text", "all"] = Field(
        default="text",
        description="what of a cell that is merged over several rows counts for each: text and dates, or numbers too",
    )


class ExcelConnector(TextColumnsConnector):
    """Tables of a folder of workbooks, or of the sheets of one."""

    suffixes = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
    what = "workbook"
    cure_of_empty = "Fetch the file again, or mend format.sheet or format.skip"

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.last: tuple[tuple[str, str], list[list[Any]]] | None = None  # the sheet that was read last
        self.known: dict[tuple[str, str], list[str]] = {}  # header of each file

    def settings(self, table: str) -> ExcelSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, ExcelSettings)
        return settings

    def discover(self) -> list[str]:
        """Sheets of the workbook that are not hidden, or the folder's workbooks."""
        if self.folder.is_file():
            return visible_sheets(self.workbook("", SourceFile(self.folder, str(self.folder))))
        return super().discover()

    def workbook(self, table: str, file: SourceFile) -> Any:
        """The opened workbook.

        Raises:
            RegularsError: it is none, or made to fill the memory.
        """
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            if zipfile.is_zipfile(file.path):
                with zipfile.ZipFile(file.path) as archive:
                    unpacked = sum(item.file_size for item in archive.infolist())
                if unpacked > MAX_UNPACKED:
                    raise RegularsError(
                        f"{self.place(table, file)}: unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED:,} are read",
                        "Save it as CSV if it is honest",
                    )
            return CalamineWorkbook.from_path(str(file.path))
        except (CalamineError, OSError, zipfile.BadZipFile) as error:
            raise RegularsError(
                f"{self.place(table, file)}: not readable as a workbook: {error}",
                "Save it again as xlsx, without a password",
            ) from error

    def cells(self, table: str, file: SourceFile) -> list[list[Any]]:
        """Rows of the table's sheet from the header on."""
        place = (table, file.name)
        if self.last is None or self.last[0] != place:
            self.last = None  # two large sheets need not be held at a time
            self.last = (place, self.read_cells(table, file))
        return self.last[1]

    def read_cells(self, table: str, file: SourceFile) -> list[list[Any]]:
        """As `cells`: with the values of merged cells in all their rows, and errors as they are shown."""
        if not file.path.stat().st_size:
            return []
        book, own = self.workbook(table, file), self.settings(table)
        names = list(book.sheet_names)
        name = own.sheet or (table if table in names else visible_sheets(book)[0])
        if name not in names:
            raise RegularsError(
                f"{self.place(table, file)}: no sheet '{name}'", f"Sheets of the workbook: {', '.join(names)}"
            )
        sheet = self.sheet(table, file, book, name)
        rows = sheet.to_python(skip_empty_area=False)
        for (row, column), shown in unread_cells(file.path, name).items():
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = shown
        for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
            if top < len(rows) and left < len(rows[top]):
                fill_down(rows, top, left, bottom, own.merged)
        return list(rows)[own.skip :]

    def sheet(self, table: str, file: SourceFile, book: Any, name: str) -> Any:
        """A sheet of the workbook.

        Raises:
            RegularsError: it cannot be read, or one cell far away would fill the memory.
        """
        from python_calamine import CalamineError, CalamineWorkbook

        if sparse := sparse_extent(file.path, name):
            raise RegularsError(
                f"{self.place(table, file)}, sheet '{name}': only {sparse}",
                "Delete the rows and columns behind the table (Ctrl+End shows where the sheet ends), or save it as CSV",
            )
        try:
            return book.get_sheet_by_name(name)
        except CalamineError as error:
            copy = Path(self.scratch.name) / f"plain{file.path.suffix}"
            with contextlib.suppress(CalamineError, zipfile.BadZipFile):
                if with_plain_errors(file.path, name, copy):
                    return CalamineWorkbook.from_path(str(copy)).get_sheet_by_name(name)
            raise RegularsError(
                f"{self.place(table, file)}, sheet '{name}': not readable: {error}",
                "Mend the sheet in the program that it is from, or save it as CSV",
            ) from error

    def lacking(self, table: str, file: SourceFile) -> str:
        """That it has no byte, or no cell."""
        if self.header(table, file):
            return ""
        return "has an empty sheet" if file.path.stat().st_size else "is empty"

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Cells of the header row, without the empty ones at its end; none where the sheet is empty."""
        key = (table, file.name)
        if key not in self.known:
            self.known[key] = self.read_header(table, file)
        return self.known[key]

    def read_header(self, table: str, file: SourceFile) -> list[str]:
        """As `header`.

        Raises:
            RegularsError: there are rows, and no name above them.
        """
        rows = self.cells(table, file)
        if not any(as_text(cell) is not None for row in rows for cell in row):
            return []
        width = max((i for i, cell in enumerate(rows[0], start=1) if as_text(cell) is not None), default=0)
        if not self.settings(table).header:
            return [f"column_{place}" for place in range(1, len(rows[0]) + 1)]
        if not width:
            raise RegularsError(
                f"{self.place(table, file)}: the header row is empty", "Set format.skip to the rows above the header"
            )
        return distinct_names([as_text(cell) or "" for cell in rows[0][:width]])

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows below the header that are not blank."""
        first = int(self.settings(table).header)
        return sum(
            any(as_text(cell) is not None for cell in row)
            for file in self.filled(table, part)
            for row in self.cells(table, file)[first:]
        )

    def rows(self, table: str, file: SourceFile, names: list[str]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """Rows of a sheet; `_source_row` is the sheet's own number."""
        own, header = self.settings(table), self.header(table, file)
        start, width = own.skip + int(own.header), len(header)
        rows = self.cells(table, file)
        titles = folded([as_text(cell) for cell in rows[0][:width]]) if own.header else None
        texts: list[tuple[int, list[str | None]]] = []
        for number, row in enumerate(rows[int(own.header) :], start=start + 1):
            cells = [as_text(cell) for cell in row]
            if any(cell is not None for cell in cells[width:]):
                self.refuse(file, number, TOO_MANY_COLUMNS, "\t".join(cell or "" for cell in cells))
            elif titles and folded(cells[:width]) == titles:
                self.refuse(file, number, REPEATED_HEADER, "\t".join(cell or "" for cell in cells))
            elif any(cell is not None for cell in cells):
                texts.append((number, cells[:width] + [None] * (width - len(cells))))
        for begin in range(0, len(texts), BATCH_ROWS):
            chunk = texts[begin : begin + BATCH_ROWS]
            arrays = [pa.array([cells[i] for _, cells in chunk], pa.string()) for i in range(len(header))]
            numbers = pa.array([number for number, _ in chunk], pa.int64())
            yield pa.RecordBatch.from_arrays([*arrays, numbers], names=[*header, "_source_row"])


def folded(cells: list[str | None]) -> list[str]:
    """Cells as a header is compared by: without blanks around them, and without case."""
    return [(cell or "").strip().lower() for cell in cells]


def as_text(cell: Any) -> str | None:
    """A cell as text: numbers as `numbers.number_text`, dates and times as ISO, nothing where it is blank."""
    match cell:
        case None:
            return None
        case bool():
            return str(cell).lower()
        case float():
            return number_text(cell)
        case dt.datetime() if cell.time() == dt.time():
            return cell.date().isoformat()
        case dt.datetime():
            return cell.isoformat(sep=" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case dt.timedelta():
            return number_text(cell.total_seconds())
        case _:
            return str(cell) if str(cell).strip() else None


def visible_sheets(book: Any) -> list[str]:
    """Names of the sheets of cells that a person sees; all, where none is shown."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    shown = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]
    return shown or list(book.sheet_names)


def fill_down(rows: list[list[Any]], top: int, left: int, bottom: int, kinds: Literal["text", "all"]) -> None:
    """Give the value of a merged cell to the rows below its first.

    A number is an amount of all the rows together as likely as an id of each, so it counts once unless told otherwise.
    """
    value = rows[top][left]
    if as_text(value) is None:
        return
    if isinstance(value, float) and kinds == "text":
        value = MERGED
    for row in rows[top + 1 : bottom + 1]:
        if left < len(row):
            row[left] = value


def looks_like_workbook(path: Path) -> bool:
    """Whether a file's name says that it is one."""
    return path.suffix.lower() in ExcelConnector.suffixes
