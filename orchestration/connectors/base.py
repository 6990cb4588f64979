"""The interface of a connector kind, and the registry of kinds."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from orchestration.errors import RegularsError

PACKAGE = "package://"
CHUNK = 1 << 20


class NoFile(RegularsError):
    """A table has no file at all."""


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
    """A source system of one kind. Every method raises RegularsError with file, table and cure."""

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

    def count(self, table: str, part: Part = WHOLE) -> int:
        """Rows of the part, counted independently of reading them."""

    def read(self, table: str, part: Part = WHOLE) -> pa.RecordBatchReader:
        """The part as received, plus `_source_file` (text) and `_source_row` (1-based bigint)."""


def resolve_folder(location: str) -> tuple[Path, str]:
    """A location in a source's YAML as a path and the prefix that names its files.

    `package://wheel/folder` is a folder inside an installed package, found without importing its code.

    Raises:
        RegularsError: the package is not installed.
    """
    if not location.startswith(PACKAGE):
        path = Path(location).expanduser()
        return path.absolute(), ""
    package, _, inner = location.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise RegularsError(f"connector path {location}: package '{package}' is not installed", "Run make install")
    return Path(spec.submodule_search_locations[0]) / inner, location.rstrip("/") + "/"


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
