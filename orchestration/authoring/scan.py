"""What a folder that nobody prepared holds: files of several kinds, of which those of one header are one table."""

from __future__ import annotations

import csv
import fnmatch
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.authoring.likeness import is_date, is_number
from orchestration.authoring.naming import table_name
from orchestration.authoring.vocabulary import apart_words
from orchestration.config.company import Source
from orchestration.connectors.base import SourceFile
from orchestration.connectors.delimited import DelimitedConnector
from orchestration.connectors.excel import ExcelConnector, as_text, visible_sheets
from orchestration.connectors.excel_cells import hidden_rows
from orchestration.connectors.files import is_text
from orchestration.connectors.files import shown as shown_path
from orchestration.connectors.registry import connect
from orchestration.platform.errors import RegularsError, UsageError

KIND_OF = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".xlsx": "excel", ".xls": "excel",
    ".xlsm": "excel", ".xlsb": "excel", ".ods": "excel", ".json": "json", ".ndjson": "json", ".jsonl": "json",
    ".log": "web_log", ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".duckdb": "duckdb",
}  # fmt: skip
DATABASES = {"sqlite", "duckdb"}
PACKERS = {".gz", ".zip", ".bz2", ".xz"}
SYSTEM = "shop"
HEAD_LINES = 80  # of a file, in which the header must be
MARKS = ",;\t|"


@dataclass(frozen=True)
class FoundTable:
    """A table of a source: what its YAML says of it, and what was seen.

    Args:
        spec: the table's configuration.
        header: its columns; empty where only reading tells.
        files: names of its files.
        note: what was guessed.
    """

    spec: dict[str, Any]
    header: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    note: str = ""


@dataclass
class FoundSource:
    """Files of one kind, or one database."""

    system: str
    kind: str
    path: str
    tables: dict[str, FoundTable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def source(self, timezone: str) -> Source:
        """As configuration, to connect to."""
        raw: dict[str, Any] = {
            "system": self.system, "timezone": timezone, "connector": {"kind": self.kind, "path": self.path},
            "tables": {name: table.spec for name, table in self.tables.items()} or {"any": None},
        }  # fmt: skip
        return Source.model_validate(raw)


def scan(data: Path) -> tuple[list[FoundSource], list[str]]:
    """Sources of a folder or file, the greatest first, and notes on what is left out.

    Raises:
        UsageError: nothing of a known kind is there.
    """
    files = [data] if data.is_file() else sorted(p for p in data.iterdir() if is_data(p))
    by_kind: dict[str, list[Path]] = {}
    notes = []
    for path in files:
        kind = kind_of(path)
        if not is_text(path.name):
            notes.append(f"{shown_path(path)}: left out: its name is not UTF-8; rename it")
        elif kind is None:
            notes.append(f"{path.name}: left out: of no known kind")
        else:
            by_kind.setdefault(f"{kind} {path.name}" if kind in DATABASES else kind, []).append(path)
    if not by_kind:
        raise UsageError(f"{data}: holds no file of a known kind", f"Known: {', '.join(KIND_OF)}")
    inner = 0 if data.is_file() else sum(1 for p in data.glob("*/**/*") if p.is_file())
    if inner:
        notes.append(f"{inner:,} files in folders below are left out: draft them by their own folder")
    sources: list[FoundSource] = []
    for key, own in sorted(by_kind.items(), key=lambda item: (-len(item[1]), item[0])):
        kind = key.split(" ")[0]
        name = SYSTEM if not sources else system_name(key, {s.system for s in sources})
        root = data if not (kind in DATABASES and data.is_dir()) else own[0]
        source = FoundSource(name, kind, str(root.absolute()))
        fill(source, own)
        notes += source.notes
        if source.tables:
            sources.append(source)
    if not sources:
        raise UsageError(f"{data}: holds no table that can be read", "; ".join(notes) or "Put files there first")
    return sources, notes


def system_name(key: str, taken: set[str]) -> str:
    """Name of a further source: by its kind, or by its database's file."""
    kind, _, file = key.partition(" ")
    return table_name(f"{SYSTEM}_{Path(file).stem if file else kind}", set(taken))


def is_data(path: Path) -> bool:
    """Whether a file may hold data: no hidden file, no lock of an open workbook."""
    return path.is_file() and not path.name.startswith((".", "~$"))


def kind_of(path: Path) -> str | None:
    """The kind of a file by its suffix, below that of a packer; None where it is none that is known."""
    suffix = path.suffix.lower()
    if suffix in PACKERS:
        suffix = Path(path.stem).suffix.lower()
        if suffix not in KIND_OF and path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inner = [n for n in archive.namelist() if not n.startswith("__MACOSX") and not n.endswith("/")]
            suffix = Path(inner[0]).suffix.lower() if len(inner) == 1 else ""
    return KIND_OF.get(suffix)


def fill(source: FoundSource, files: Sequence[Path]) -> None:
    """Find the tables of a source."""
    taken: set[str] = set()
    if source.kind in DATABASES:
        for found in connect(source.source("UTC").as_system()).discover():
            name = table_name(found, taken)
            source.tables[name] = FoundTable({} if name == found else {"path": found})
        return
    single = Path(source.path).is_file()
    found_tables: list[FoundTable] = []
    for path in files:
        try:
            if source.kind == "csv":
                found_tables.append(text_table(source, path, single))
            elif source.kind == "excel":
                found_tables += sheets(source, path, single)
            else:
                found_tables.append(FoundTable({} if single else {"path": path.name}, files=(path.name,)))
        except RegularsError as error:
            source.notes.append(f"{path.name}: left out: {error}")
    names = [path.name for path in files]
    for table, stem in united(found_tables, names):
        name = table_name(stem or Path(source.path).stem, taken)
        spec = dict(table.spec)
        usual = spec.get("path") == f"{name}{Path(str(spec.get('path', ''))).suffix}" and source.kind != "excel"
        if usual:
            del spec["path"]
        source.tables[name] = FoundTable(spec, table.header, table.files, table.note)
        if len(table.files) > 1:
            source.notes.append(f"{name}: {len(table.files)} files of one header: {shown(table.files)}")
        if table.note:
            source.notes.append(f"{name}: {table.note}")


def shown(files: Sequence[str]) -> str:
    """Names of files, the middle left out where there are many."""
    return ", ".join(files) if len(files) <= 3 else f"{files[0]}, {files[1]} … {files[-1]}"


def text_table(source: FoundSource, path: Path, single: bool) -> FoundTable:
    """The table of a text file: lines above its header, delimiter, columns.

    Raises:
        RegularsError: it is not readable, or holds no columns.
    """
    probe = FoundSource(source.system, "csv", source.path, {"probe": FoundTable({} if single else {"path": path.name})})
    connector = connect(probe.source("UTC").as_system())
    assert isinstance(connector, DelimitedConnector)
    file = SourceFile(path, path.name)
    with connector.plain("probe", file).open(encoding="utf-8-sig", errors="replace", newline="") as handle:
        text = "".join(line for _, line in zip(range(HEAD_LINES), handle, strict=False))
    if not text.strip():
        raise RegularsError("it is empty")
    own_mark = re.match(r"sep=(.)\r?\n", text)
    best = max((layout(text, mark) for mark in MARKS), key=lambda found: found.weight)
    if best.width < 2 and path.suffix.lower() == ".txt":
        raise RegularsError("it has no columns")
    spec: dict[str, Any] = {} if single else {"path": path.name}
    form: dict[str, Any] = {}
    notes = []
    if best.skip and not own_mark:
        form["skip"] = best.skip
        notes.append(f"{best.skip} lines above the header are skipped")
    if not best.has_header:
        form["header"] = False
        notes.append("has no header: its columns are column_1, column_2 …; name them by format.columns")
    if form:
        spec["format"] = form
        probe.tables["probe"] = FoundTable(spec)
        connector = connect(probe.source("UTC").as_system())
        assert isinstance(connector, DelimitedConnector)
    if best.width > 1 and connector.delimiter("probe", file) != best.mark and not own_mark:
        form["delimiter"] = "tab" if best.mark == "\t" else best.mark
        spec["format"] = form
    header = best.header if best.has_header else tuple(f"column_{i}" for i in range(1, best.width + 1))
    return FoundTable(spec, header, (path.name,), "; ".join(notes))


@dataclass(frozen=True)
class Layout:
    """How the head of a file is laid out, by one delimiter."""

    mark: str
    width: int
    skip: int
    has_header: bool
    header: tuple[str, ...]
    weight: tuple[int, int]


def layout(text: str, mark: str) -> Layout:
    """The header's place by one delimiter: the first line that is as wide as most of what follows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((before, row))
            before = reader.line_num
    except csv.Error:
        pass
    place, width, has_header = header_place([row for _, row in rows])
    if place is None:
        return Layout(mark, 0, 0, True, (), (0, 0))
    start, header = rows[place]
    blank = sum(1 for line in text.splitlines()[:start] if not line.strip()) if place == 0 else 0
    skip = start - blank if place == 0 else start
    weight = (sum(len(row) == width for _, row in rows) if width > 1 else 0, width)
    return Layout(mark, width, max(skip, 0), has_header, tuple(cell.strip() for cell in header), weight)


def header_place(rows: Sequence[Sequence[str]]) -> tuple[int | None, int, bool]:
    """Place of the header among rows that are not blank, columns, and whether it is a header at all.

    A title is narrower than the table; a header holds no number and no date. Returns None where there is no row.
    """
    widths = [len(trimmed(row)) for row in rows]
    if not widths:
        return None, 0, True
    lower = [len(row) for row in rows]
    width = max(set(lower), key=lambda w: (lower.count(w), w))
    filled = max((w for w, n in zip(widths, lower, strict=True) if n == width), default=width)
    for place, row in enumerate(rows):
        cells = trimmed(row)
        if (len(row) == width and len(cells) >= max(2, 0.5 * filled)) or (width == 1 and cells):
            is_header = not any(
                cell.strip() and (is_number(cell) or is_date(cell)) and bare_number(cell) for cell in cells
            )
            return place, width, is_header
    return 0, width, True


def bare_number(cell: str) -> bool:
    """Whether a cell is a value rather than the name of a column: a number with a digit, or a date."""
    return any(c.isdigit() for c in cell)


def trimmed(row: Sequence[str]) -> list[str]:
    """Cells without the empty ones at the end."""
    width = max((i for i, cell in enumerate(row, start=1) if cell.strip()), default=0)
    return list(row[:width])


def sheets(source: FoundSource, path: Path, single: bool) -> list[FoundTable]:
    """Tables of a workbook, one for each sheet that is not empty and not hidden."""
    probe = FoundSource(
        source.system, "excel", source.path, {"probe": FoundTable({} if single else {"path": path.name})}
    )
    connector = connect(probe.source("UTC").as_system())
    assert isinstance(connector, ExcelConnector)
    file = SourceFile(path, path.name)
    book = connector.workbook("probe", file)
    found = []
    names, shown_sheets = list(book.sheet_names), visible_sheets(book)
    if unseen := [name for name in names if name not in shown_sheets]:
        text = "is hidden" if len(unseen) == 1 else "are hidden"
        source.notes.append(
            f"{path.name}: sheet {', '.join(unseen)} {text}: left out; show it in the workbook, or add a table with "
            "format.sheet, if it is to be read"
        )
    for sheet in shown_sheets:
        try:
            rows = connector.sheet("probe", file, book, sheet).to_python(skip_empty_area=False)[:HEAD_LINES]
        except RegularsError as error:
            source.notes.append(f"{path.name}: sheet {sheet} is left out: {error}")
            continue
        texts = [[as_text(cell) or "" for cell in row] for row in rows]
        filled = [(i, trimmed(row)) for i, row in enumerate(texts) if trimmed(row)]
        if not filled:
            source.notes.append(f"{path.name}: sheet {sheet} is empty")
            continue
        place, width, has_header = sheet_header([row for _, row in filled])
        start, header = filled[place]
        if width < 2:
            source.notes.append(f"{path.name}: sheet {sheet} holds no table")
            continue
        form: dict[str, Any] = {"sheet": sheet} if len(names) > 1 else {}
        notes = []
        if unseen_rows := hidden_rows(path, sheet):
            notes.append(f"{unseen_rows:,} rows that are hidden in the workbook are read like the others")
        if start:
            form["skip"] = start
            notes.append(f"{start} rows above the header are skipped")
        if not has_header:
            form["header"] = False
            notes.append("has no header: its columns are column_1, column_2 …")
        spec = ({} if single else {"path": path.name}) | ({"format": form} if form else {})
        columns = tuple(cell.strip() for cell in header)
        stem = sheet if len(shown_sheets) > 1 else path.stem
        found.append(FoundTable(spec, columns, (stem,), "; ".join(notes)))
    return found


def sheet_header(rows: Sequence[Sequence[str]]) -> tuple[int, int, bool]:
    """Place, width and kind of a sheet's header: the first row that fills at least half of the table's width."""
    width = max(len(row) for row in rows)
    for place, row in enumerate(rows):
        if sum(bool(cell.strip()) for cell in row) >= max(2, 0.6 * width):
            return (
                place,
                width,
                not any(cell.strip() and bare_number(cell) and (is_number(cell) or is_date(cell)) for cell in row),
            )
    return 0, width, True


def united(tables: Iterable[FoundTable], names: Sequence[str]) -> list[tuple[FoundTable, str]]:
    """Tables with the stem of their name; files of one header and settings become one table by a glob."""
    groups: dict[Any, list[FoundTable]] = {}
    for i, table in enumerate(tables):
        groups.setdefault(group_key(table, i), []).append(table)
    found: list[tuple[FoundTable, str]] = []
    for group in groups.values():
        files = sorted(table.files[0] for table in group)
        pattern = glob_of(files, names) if len(group) > 1 else None
        if pattern is None:
            found += [(table, stem_of(table.files[0])) for table in group]
            continue
        first = group[0]
        spec = first.spec | {"path": pattern}
        found.append((FoundTable(spec, first.header, tuple(files), first.note), stem_of(pattern.split("*")[0])))
    return found


def group_key(table: FoundTable, place: int) -> Any:
    """What tables of one glob share: header, settings, and words by which files of one header are kept apart."""
    form = table.spec.get("format", {})
    if not table.header or "sheet" in form or "path" not in table.spec:
        return place
    apart = apart_words(stem_of(table.files[0]))
    header = tuple(sorted(name.lower() for name in table.header))
    suffix = "".join(Path(table.spec["path"]).suffixes[-1:])
    return (header, apart, suffix, repr(sorted(form.items())))


def stem_of(name: str) -> str:
    """A file's name without the suffixes of its kind and packer."""
    path = Path(name)
    path = Path(path.stem) if path.suffix.lower() in PACKERS else path
    return path.stem if path.suffix.lower() in KIND_OF else path.name


def glob_of(files: Sequence[str], names: Sequence[str]) -> str | None:
    """A pattern that just these files match among all names; None where there is none."""
    prefix = common(files)
    suffix = common([name[::-1] for name in files])[::-1]
    suffix = suffix[suffix.rfind(".") :] if "." in suffix else suffix
    short = re.sub(r"[\d_\-. ]+$", "", prefix)
    for begin in (prefix[: len(short) + 1] if short else "", prefix):
        pattern = re.sub(r"([*?\[])", r"[\1]", begin) + "*" + suffix
        if sorted(fnmatch.filter(names, pattern)) == sorted(files):
            return pattern
    return None


def common(names: Sequence[str]) -> str:
    """The beginning that all names share."""
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]
