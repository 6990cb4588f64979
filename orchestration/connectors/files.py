"""What all kinds of files share: which files a table has, whether they changed, and where they may lie."""

from __future__ import annotations

import functools
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
from pydantic import Field, field_validator

from orchestration.connectors.base import (
    REJECTED,
    RESERVED,
    WHOLE,
    NoFile,
    Part,
    Settings,
    SourceFile,
    System,
    TableAt,
    bind,
    check_root,
    file_hash,
    file_stamp,
    none_rejected,
    resolve_folder,
)
from orchestration.connectors.rejects import SHOWN
from orchestration.platform import scratch
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote_name

INVISIBLE = " \t\r\n\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # at the ends of names


class FileSettings(Settings):
    """A folder of files, or one file."""

    of_system: ClassVar[tuple[str, ...]] = ("kind", "path")

    path: str = Field(min_length=1, description="folder or file; package://wheel/folder, ${ENV}, ~ work")

    @field_validator("path")
    @classmethod
    def no_nul(cls, value: str) -> str:
        """A path that the operating system can take."""
        if "\0" in value:
            raise ValueError("a path without a NUL character")
        return value


class FileConnector:
    """Tables of a folder of files: `<table><suffix>` unless the table names a path or glob below the folder."""

    suffixes: ClassVar[tuple[str, ...]]
    what: ClassVar[str]
    cure_of_empty: ClassVar[str] = "Fetch the file again, with its rows"

    def __init__(self, system: System) -> None:
        self.system = system
        assert isinstance(system.settings, FileSettings)
        self.folder, self.prefix = resolve_folder(system.settings.path)
        if not self.prefix:
            check_root(system.name, self.folder)

    @functools.cached_property
    def scratch(self) -> tempfile.TemporaryDirectory[str]:
        """Folder of copies that are read instead of a file; it goes with the connector."""
        return tempfile.TemporaryDirectory(prefix="regulars-", dir=scratch.folder())

    def at(self, table: str) -> TableAt:
        """Where a table is; a table that is not configured has the system's settings."""
        return self.system.tables.get(table) or TableAt(None, self.system.settings)

    def discover(self) -> list[str]:
        """Stems of the folder's files of this kind."""
        if self.folder.is_file():
            return [self.stem(self.folder)]
        found = {self.stem(p) for p in self.folder.glob("*") if p.is_file() and self.is_of_kind(p)}
        return sorted(found)

    def is_of_kind(self, path: Path) -> bool:
        """Whether a file's name says that it is of this kind."""
        return path.name.lower().endswith(self.suffixes)

    def stem(self, path: Path) -> str:
        """A file's name without the kind's suffix."""
        for suffix in sorted(self.suffixes, key=len, reverse=True):
            if path.name.lower().endswith(suffix):
                return path.name[: -len(suffix)]
        return path.stem

    def files(self, table: str) -> list[SourceFile]:
        """Files of a table, sorted by path.

        Raises:
            NoFile: there is none.
            RegularsError: the path leads out of the folder.
        """
        if self.folder.is_file():
            return [SourceFile(self.folder, str(self.folder))]
        if self.folder.suffix and self.folder.name.lower().endswith(self.suffixes):
            raise NoFile(f"{self.place(table)}: no file {self.folder}", "Mend the path")
        pattern = self.at(table).path
        if pattern and (Path(pattern).is_absolute() or ".." in Path(pattern).parts):
            raise RegularsError(
                f"{self.place(table)}: path {pattern} leads out of {self.folder}",
                "Name files below the connector's own path",
            )
        patterns = [pattern] if pattern else self.usual_names(table)
        found = sorted({p for one in patterns for p in self.matching(one) if p.is_file()})
        if not found:
            offered = ", ".join(self.discover()) or f"no {self.what}"
            raise NoFile(
                f"{self.place(table)}: no file {self.folder / patterns[0]}",
                f"Put the file there or mend the path; the folder offers: {offered}",
            )
        root = self.folder.resolve()
        for path in found:
            if not is_text(path.name):
                raise RegularsError(f"{self.place(table)}: the name of {shown(path)} is not UTF-8", "Rename the file")
            if not self.prefix and not path.resolve().is_relative_to(root):
                raise RegularsError(
                    f"{self.place(table)}: {path} is a link out of {self.folder}", "Put the file itself there"
                )
        return [SourceFile(p, self.prefix + str(p.relative_to(self.folder)) if self.prefix else str(p)) for p in found]

    def matching(self, pattern: str) -> Iterable[Path]:
        """Files of a pattern below the folder; one of exactly that name is meant alone, whatever its characters."""
        exact = self.folder / pattern
        return [exact] if exact.is_file() else self.folder.glob(pattern)

    def usual_names(self, table: str) -> list[str]:
        """Names of a table's file where its configuration gives none."""
        return [f"{table}{suffix}" for suffix in self.suffixes]

    def wanted(self, table: str, part: Part) -> list[SourceFile]:
        """Files of a part."""
        return [file for file in self.files(table) if part.files is None or file.name in part.files]

    def lacking(self, table: str, file: SourceFile) -> str:  # noqa: ARG002 - for kinds whose files may
        """What a file that has nothing to read lacks: `is empty`; no word of one that has."""
        return ""

    def filled(self, table: str, part: Part = WHOLE) -> list[SourceFile]:
        """Files of a part that have something to read.

        Raises:
            RegularsError: none of the table's files has.
        """
        files = self.files(table)
        full = {file for file in files if not self.lacking(table, file)}
        if not full:
            raise RegularsError(f"{self.place(table, files[0])}: {self.lacking(table, files[0])}", self.cure_of_empty)
        return [file for file in self.wanted(table, part) if file in full]

    def stamp(self, table: str) -> dict[str, Any]:
        """Names, sizes and times of the table's files."""
        return {"files": file_stamp(self.files(table))}

    def fingerprint(self, table: str) -> dict[str, Any]:
        """The stamp, and a hash of each file's content."""
        files = self.files(table)
        try:
            return {"files": file_stamp(files), "hashes": [file_hash(file.path) for file in files]}
        except OSError as error:
            raise RegularsError(
                f"{self.place(table)}: {error.filename}: {error.strerror}", "Make the file readable"
            ) from error

    def header(self, table: str, file: SourceFile) -> list[str]:  # noqa: ARG002 - for kinds whose files differ
        """Names of a file's columns; of a kind whose files need not be looked into for them, the table's."""
        return list(self.columns(table))

    def columns(self, table: str) -> dict[str, str]:
        """Columns of the table as it is now, with DuckDB types."""
        raise NotImplementedError

    def headers(self, table: str, part: Part = WHOLE) -> dict[str, list[str]]:
        """Columns of each file of the part."""
        return {file.name: self.header(table, file) for file in self.filled(table, part)}

    def notes(self, table: str, part: Part = WHOLE) -> list[str]:
        """Files that have nothing to read."""
        lacking = {file.name: self.lacking(table, file) for file in self.wanted(table, part)}
        return [f"{name} {why} and is left out" for name, why in lacking.items() if why]

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:  # noqa: ARG002 - the interface's
        """A kind whose files are whole or broken rejects no single row."""
        return none_rejected()

    def place(self, table: str, file: SourceFile | None = None) -> str:
        """How a table, or one of its files, is named in a message."""
        return f"source {self.system.name}, table {table}" + (f", file {file.name}" if file else "")


class TextColumnsConnector(FileConnector):
    """Files that are read row by row into text columns, in Arrow batches."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.refused: list[dict[str, Any]] = []  # rows of the last read, as `REJECTED` has them

    def header(self, table: str, file: SourceFile) -> list[str]:
        """Names of a file's columns."""
        raise NotImplementedError

    def rows(self, table: str, file: SourceFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Batches of a file: the named columns and `_source_row`."""
        raise NotImplementedError

    def columns(self, table: str) -> dict[str, str]:
        """Columns of all the table's files together, in the order in which they first appear."""
        return dict.fromkeys(united(self.header(table, file) for file in self.filled(table)), "VARCHAR")

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """Every file of the part, one after the other."""
        names = list(self.columns(table))
        fields = [(name, pa.string()) for name in names]
        schema = pa.schema([*fields, ("_source_row", pa.int64()), ("_source_file", pa.string())])
        self.refused = []

        def batches() -> Iterator[pa.RecordBatch]:
            for file in self.filled(table, part):
                for batch in self.rows(table, file, names):
                    place = pa.array([file.name], pa.string()).take(pa.array([0] * batch.num_rows, pa.int32()))
                    arrays = {column_key(name): batch.column(name) for name in batch.schema.names}
                    arrays["_source_file"] = place
                    nothing = pa.nulls(batch.num_rows, pa.string())
                    columns = [arrays.get(column_key(name), nothing) for name in schema.names]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)

        return bind(con, pa.RecordBatchReader.from_batches(schema, batches()))

    def refuse(self, file: SourceFile, row: int, reason: str, record: str) -> None:
        """Note a row that is none of the table's."""
        self.refused.append(
            {"_source_file": file.name, "_source_row": row, "reason_code": reason, "raw_record": record[:SHOWN]}
        )

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:  # noqa: ARG002 - the interface's
        """What was refused while the rows were read."""
        return pa.Table.from_pylist(self.refused, schema=REJECTED)


def is_text(name: str) -> bool:
    """Whether a file's name is text, rather than bytes of another encoding."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def shown(path: Path) -> str:
    """A path as text, whatever its bytes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def united(headers: Iterable[Iterable[str]]) -> list[str]:
    """Columns of several files together, in the order and spelling in which they first appear; case is ignored."""
    found: dict[str, str] = {}
    for header in headers:
        for name in header:
            found.setdefault(column_key(name), name)
    return list(found.values())


def clean_name(cell: str) -> str:
    """A name as it is meant: letters and their marks as one character, nothing invisible at its ends."""
    return unicodedata.normalize("NFC", cell.strip().strip(INVISIBLE).strip())


def column_key(name: str) -> str:
    """What tells columns apart; case is no difference, of any letter."""
    return clean_name(name).lower()


def own_name(name: str) -> str:
    """A column's name in the lake: one that the lake needs itself is written otherwise, `source_file_`."""
    return f"{name.strip('_')}_" if name.lower() in RESERVED else name


def renames(names: Iterable[str], spellings: Mapping[str, str]) -> list[tuple[str, str]]:
    """Columns that DuckDB, which knows only the case of ASCII letters, would not take for those of other files.

    Args:
        names: of one file's columns.
        spellings: `column_key` of each column → how it is written.
    """
    own = {ascii_key(name) for name in names}
    pairs = ((name, spellings[column_key(name)]) for name in names)
    return [(name, known) for name, known in pairs if ascii_key(known) not in own]


def ascii_key(name: str) -> str:
    """What tells columns apart for DuckDB."""
    return "".join(char.lower() if char.isascii() else char for char in name)


def rename_sql(rows: str, pairs: Iterable[tuple[str, str]]) -> str:
    """SQL of rows with some columns under other names."""
    renamed = ", ".join(f"{quote_name(name)} as {quote_name(known)}" for name, known in pairs)
    return f"select * rename ({renamed}) from ({rows})" if renamed else rows


def spellings_of(tables: Iterable[Iterable[str]]) -> dict[str, str]:
    """`column_key` of each column → how it is written where it first appears."""
    return {column_key(name): name for name in united(tables)}


def distinct_names(names: list[str]) -> list[str]:
    """Header cells as column names: trimmed, numbered where empty, told apart where repeated (case is ignored).

    Names that the lake needs for itself are written otherwise.
    """
    found: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(names, start=1):
        name = own_name(clean_name(cell)) or f"column_{place}"
        base, again = name, 1
        while name.lower() in taken:
            again += 1
            name = f"{base}_{again}"
        taken.add(name.lower())
        found.append(name)
    return found
