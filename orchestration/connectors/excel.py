"""Excel workbooks (xlsx, xlsm, xlsb, xls) and OpenDocument tables: one sheet per table, every cell as text."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from orchestration.connectors.base import BATCH_ROWS, WHOLE, Part, SourceFile
from orchestration.connectors.files import FileSettings, TextColumnsConnector, distinct_names
from orchestration.errors import RegularsError

MAX_UNPACKED = 2 << 30  # bytes of a workbook's parts together; Excel's own limit of rows keeps honest ones below


class ExcelSettings(FileSettings):
    """Workbooks."""

    kind: Literal["excel"]
    sheet: str | None = Field(default=None, description="default: the sheet named like the table, else the first")
    skip: int = Field(default=0, ge=0, description="rows above the header")
    header: bool = Field(default=True, description="whether the first row names the columns")


class ExcelConnector(TextColumnsConnector):
    """Tables of a folder of workbooks, or of the sheets of one."""

    suffixes = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
    what = "workbook"

    def settings(self, table: str) -> ExcelSettings:
        """A table's settings."""
        settings = self.at(table).settings
        assert isinstance(settings, ExcelSettings)
        return settings

    def discover(self) -> list[str]:
        """Sheets of the workbook, or the folder's workbooks."""
        if self.folder.is_file():
            file = SourceFile(self.folder, str(self.folder))
            return list(self.workbook("", file).sheet_names)
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
        """Rows of the table's sheet from the header on, without those that are blank."""
        book, wanted = self.workbook(table, file), self.settings(table).sheet
        names = list(book.sheet_names)
        name = wanted or (table if table in names else names[0])
        if name not in names:
            raise RegularsError(
                f"{self.place(table, file)}: no sheet '{name}'", f"Sheets of the workbook: {', '.join(names)}"
            )
        return list(book.get_sheet_by_name(name).to_python(skip_empty_area=False))[self.settings(table).skip :]

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Cells of the header row, without the empty ones at its end."""
        rows = self.cells(table, file)
        if not rows:
            raise RegularsError(f"{self.place(table, file)}: the sheet is empty", "Mend format.sheet or format.skip")
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
            for file in self.wanted(table, part)
            for row in self.cells(table, file)[first:]
        )

    def rows(self, table: str, file: SourceFile, names: list[str]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """Rows of a sheet; `_source_row` is the sheet's own number."""
        own, header = self.settings(table), self.header(table, file)
        start = own.skip + int(own.header)
        texts: list[tuple[int, list[str | None]]] = []
        for number, row in enumerate(self.cells(table, file)[int(own.header) :], start=start + 1):
            cells = [as_text(cell) for cell in row[: len(header)]]
            if any(cell is not None for cell in row if as_text(cell) is not None):
                texts.append((number, cells + [None] * (len(header) - len(cells))))
        for begin in range(0, len(texts), BATCH_ROWS):
            chunk = texts[begin : begin + BATCH_ROWS]
            arrays = [pa.array([cells[i] for _, cells in chunk], pa.string()) for i in range(len(header))]
            numbers = pa.array([number for number, _ in chunk], pa.int64())
            yield pa.RecordBatch.from_arrays([*arrays, numbers], names=[*header, "_source_row"])


def as_text(cell: Any) -> str | None:
    """A cell as text: whole numbers without a point, dates and times as ISO, nothing where it is blank."""
    match cell:
        case None:
            return None
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case dt.datetime() if cell.time() == dt.time():
            return cell.date().isoformat()
        case dt.datetime():
            return cell.isoformat(sep=" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case dt.timedelta():
            return str(cell.total_seconds())
        case _:
            return str(cell) if str(cell).strip() else None


def looks_like_workbook(path: Path) -> bool:
    """Whether a file's name says that it is one."""
    return path.suffix.lower() in ExcelConnector.suffixes
