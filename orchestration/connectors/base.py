"""The interface of a connector kind: what every kind of source system can do."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_args

import duckdb
import pyarrow as pa

from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.yaml_model import Strict

PACKAGE = "package://"
ROOTS = "REGULARS_ROOTS"
CHUNK = 1 << 20
SOURCE_FLAGS = "_source_flags"  # column of a read that says what of the row the source has no right value of
# Columns that every load has, or that reading it back needs; a source's own column is landed under another name.
RESERVED = {
    "_source_file", "_source_row", "_load_id", "_loaded_at", "_source_path", "_raw_row", "file_row_number",
    SOURCE_FLAGS,
}  # fmt: skip
BATCH_ROWS = 122_880  # DuckDB's row group; larger batches only cost memory

REJECTED = pa.schema(
    [
        ("_source_file", pa.string()),
        ("_source_row", pa.int64()),
        ("reason_code", pa.string()),
        ("column_name", pa.string()),
        ("value", pa.string()),
        ("raw_record", pa.string()),
    ]
)


class NoFile(RegularsError):
    """A table has no file at all."""


class Unreachable(RegularsError):
    """The system did not answer, or went away while it was read: trying again may help."""


class Settings(Strict):
    """What a kind needs to know of a system; a table may set other values under `format`.

    Class attributes say what the kind can do: whether columns have types, so that a cursor can be compared; whether
    it tells numbers (`numbers`), and dates, from text; and which settings belong to the system alone.
    """

    kind: str

    has_cursor: ClassVar[bool] = False
    has_numbers: ClassVar[bool] = True
    has_dates: ClassVar[bool] = False
    of_system: ClassVar[tuple[str, ...]] = ("kind",)


@dataclass(frozen=True)
class TableAt:
    """A table of a system: file, glob or remote name if it is not the table's own, and its settings."""

    path: str | None
    settings: Settings


@dataclass(frozen=True)
class System:
    """A source system as its connector sees it."""

    name: str
    settings: Settings
    tables: Mapping[str, TableAt]


@dataclass(frozen=True)
class SourceFile:
    """A file of a source table: where it is, and how it is named to a user and in the lake."""

    path: Path
    name: str


@dataclass(frozen=True)
class Part:
    """What of a table is read: some files, the rows of a span of a cursor, or everything.

    Rows without a cursor value belong to every open span: nothing may be lost for want of one.
    """

    files: tuple[str, ...] | None = None
    cursor: str | None = None
    since: str | None = None
    until: str | None = None
    lag: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.files is None and self.since is None and self.until is None


WHOLE = Part()


class Connector(Protocol):
    """A source system of one kind. Every method raises RegularsError with system, table, place and cure."""

    def discover(self) -> list[str]:
        """Names of the tables that the system offers."""

    def stamp(self, table: str) -> dict[str, Any]:
        """What tells cheaply that a table has changed, such as names, sizes and times of its files."""

    def fingerprint(self, table: str) -> dict[str, Any]:
        """What identifies a table's content, such as hashes; includes the stamp.

        A kind that has files gives their `hashes` in the order of `files`.
        """

    def columns(self, table: str) -> dict[str, str]:
        """Columns of the table as it is now, with DuckDB types."""

    def headers(self, table: str, part: Part = WHOLE) -> dict[str, list[str]]:
        """Columns of each file of the part, by the file's name; none of a system that has no files."""

    def count(self, table: str, part: Part = WHOLE) -> int | None:
        """Rows of the part, counted independently of reading them; None where only reading can tell."""

    def read(self, con: duckdb.DuckDBPyConnection, table: str, part: Part = WHOLE) -> str:
        """SQL over the connection that gives the part as received, `_source_file` (text), `_source_row` (1-based).

        A null `_source_row` stands for the place at which the statement gives the row.

        Kinds that DuckDB does not read hand it Arrow batches by `bind`.
        """

    def notes(self, table: str, part: Part = WHOLE) -> list[str]:
        """What a user should know of how a part is read: what was taken otherwise than it stands there, or left out."""

    def rejected(self, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """Rows of the part just read that are no rows of the table, with place and reason; schema `REJECTED`."""


@dataclass(frozen=True)
class Kind:
    """A kind of source system, which its module declares as `KIND`: what it is told, what reads it, its packages."""

    settings: type[Settings]
    connector: Callable[[System], Connector]
    packages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a source's YAML calls it."""
        (name,) = get_args(self.settings.model_fields["kind"].annotation)
        return str(name)


def bind(con: duckdb.DuckDBPyConnection, batches: pa.RecordBatchReader) -> str:
    """SQL over Arrow batches, which are read once, as the statement runs."""
    con.register("source_batches", batches)
    return "select * from source_batches"


def none_rejected() -> pa.Table:
    """No row."""
    return REJECTED.empty_table()


def text_kind(value: str) -> str:
    """Type by which text such as a value compares, of a source whose columns are all text."""
    if re.fullmatch(r"-?\d{1,18}", value):
        return "BIGINT"
    try:
        dt.datetime.fromisoformat(value)
    except ValueError:
        return "VARCHAR"
    return "TIMESTAMP"


def span_sql(system: str, table: str, columns: Mapping[str, str], part: Part) -> str:
    """SQL condition of a part's span of the cursor; empty where there is none.

    Raises:
        RegularsError: the cursor column is gone.
    """
    if part.cursor is None or (part.since is None and part.until is None):
        return ""
    kind = columns.get(part.cursor)
    if kind is None:
        raise RegularsError(
            f"source {system}, table {table}: its cursor column '{part.cursor}' is gone",
            "Mend the source, or the table's load.cursor in its YAML",
        )
    column, tests = quote_name(part.cursor), []
    if kind == "VARCHAR":
        kind = text_kind(str(part.since if part.since is not None else part.until))
        column = f"try_cast({column} as {kind})"
    if part.since is not None:
        lag = f"to_seconds({part.lag})" if kind.startswith(("TIMESTAMP", "DATE")) else str(part.lag)
        lagging = bool(part.lag) and kind != "VARCHAR"
        tests.append(f"{column} >= cast({quote(part.since)} as {kind})" + (f" - {lag}" if lagging else ""))
    if part.until is not None:
        tests.append(f"{column} < cast({quote(part.until)} as {kind})")
    span = " and ".join(tests)
    return f"({span} or {column} is null)" if part.until is None else f"({span})"


def check_root(system: str, path: Path) -> None:
    """Whether the installation allows sources there: below a folder of `REGULARS_ROOTS`, where that is set.

    Raises:
        RegularsError: it does not.
    """
    roots = [Path(root).resolve() for root in os.environ.get(ROOTS, "").split(os.pathsep) if root]
    if roots and not any(path.resolve().is_relative_to(root) for root in roots):
        raise RegularsError(
            f"source {system}: {path} is outside the folders that {ROOTS} allows",
            f"Move the data below one of them, or add its folder to {ROOTS}",
        )


def resolve_folder(location: str) -> tuple[Path, str]:
    """A location in a source's YAML as a path and the prefix that names its files.

    `package://wheel/folder` is a folder inside an installed package, found without importing its code.

    Raises:
        RegularsError: the package is not installed, or the path leads out of it.
    """
    if not location.startswith(PACKAGE):
        path = Path(location).expanduser()
        return path.absolute(), ""
    package, _, inner = location.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    # A folder without code beside the product, such as its runtime state, counts as a package for Python; it is none.
    if spec is None or not spec.submodule_search_locations or spec.origin is None:
        raise RegularsError(f"connector path {location}: package '{package}' is not installed", "Run make install")
    if Path(inner).is_absolute() or ".." in Path(inner).parts:
        raise RegularsError(f"connector path {location}: leads out of the package", "Name a folder inside it")
    folder = Path(spec.submodule_search_locations[0])
    if not (folder / inner).resolve().is_relative_to(folder.resolve()):  # by a link
        raise RegularsError(f"connector path {location}: leads out of the package", "Name a folder inside it")
    return folder / inner, location.rstrip("/") + "/"


def file_stamp(files: list[SourceFile]) -> list[list[Any]]:
    """Name, size in bytes and modification time in ns of each file."""
    stamps = []
    for file in files:
        stat = file.path.stat()
        stamps.append([file.name, stat.st_size, stat.st_mtime_ns])
    return stamps


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
