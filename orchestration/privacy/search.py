"""Search every file below a folder for texts: the proof of an erasure.

Databases and Parquet files are read as rows, since their pages are compressed; archives are unpacked; and every file is
searched as bytes too, so that what a database left behind in a free page is found.
"""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from orchestration.literals import exact_path, quote, quote_name
from orchestration.scratch import memory_database

CHUNK = 8 << 20
DUCKDB, SQLITE, PARQUET, GZIP = b"DUCK", b"SQLite format 3\0", b"PAR1", b"\x1f\x8b"


@dataclass(frozen=True)
class Hit:
    """Where a text was found."""

    path: Path
    place: str
    number: int  # of the text, in the order in which they were given


@dataclass(frozen=True)
class Found:
    """What a search saw."""

    files: int
    hits: list[Hit]


def kind_of(path: Path) -> bytes:
    """Signature of a file."""
    with path.open("rb") as handle:
        head = handle.read(16)
    if head[8:12] == DUCKDB:
        return DUCKDB
    return next((kind for kind in (SQLITE, PARQUET, GZIP) if head.startswith(kind)), b"")


def search(root: Path, texts: Sequence[str]) -> Found:
    """Look for texts, in any case, in every file below a folder.

    Raises:
        OSError: a file cannot be read.
    """
    wanted = [text.lower() for text in texts]
    hits: list[Hit] = []
    files = 0
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        files += 1
        kind = kind_of(path)
        if kind in (DUCKDB, SQLITE, PARQUET):
            reader = {DUCKDB: in_duckdb, SQLITE: in_sqlite, PARQUET: in_parquet}[kind]
            hits += [Hit(path, place, number) for place, number in reader(path, wanted)]
        for place, stream in streams(path, kind):
            hits += [Hit(path, place, number) for number in in_bytes(stream, wanted)]
    return Found(files, sorted(set(hits), key=lambda h: (str(h.path), h.place, h.number)))


def streams(path: Path, kind: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    """A file's bytes, and those of what is packed in it; each is closed before the next."""
    with path.open("rb") as plain:
        yield "bytes", plain
    if kind == GZIP:
        with gzip.open(path) as unpacked:
            yield "unpacked", unpacked  # type: ignore[misc]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield name, member
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for entry in tar:
                if content := tar.extractfile(entry):
                    yield entry.name, content


def in_bytes(stream: IO[bytes], wanted: Sequence[str]) -> set[int]:
    """Numbers of the texts that stand in a stream, in UTF-8 or UTF-16, whatever the case of ASCII letters."""
    patterns = [[text.encode(code) for code in ("utf-8", "utf-16-le")] for text in wanted]
    longest = max((len(pattern) for codes in patterns for pattern in codes), default=1)
    found: set[int] = set()
    rest = b""
    while chunk := stream.read(CHUNK):
        window = rest + chunk.lower()
        found |= {n for n, codes in enumerate(patterns) if n not in found and any(code in window for code in codes)}
        rest = window[-longest:]
    return found


def query_of(columns: Sequence[str], source: str) -> str:
    """SQL of the numbers of the texts that stand in any column of a source."""
    said = ", ".join(f"{quote_name(name)}::varchar" for name in columns)
    return (
        f"select distinct w.number from (select lower(concat_ws(chr(31), {said})) as said from {source}) s "
        "join wanted w on contains(s.said, w.text)"
    )


def bind(con: duckdb.DuckDBPyConnection, wanted: Sequence[str]) -> None:
    """Make the temporary table `wanted`."""
    con.execute("create or replace temp table wanted (number integer, text varchar)")
    if wanted:
        con.executemany("insert into wanted values (?, ?)", [[n, text] for n, text in enumerate(wanted)])


def in_parquet(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Texts in a Parquet file."""
    with memory_database() as con:
        bind(con, wanted)
        source = f"read_parquet({quote(exact_path(path))})"
        columns = [row[0] for row in con.execute(f"describe select * from {source}").fetchall()]
        for (number,) in con.execute(query_of(columns, source)).fetchall():
            yield "rows", number


def in_duckdb(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Texts in the tables of a DuckDB file."""
    with memory_database() as con:
        bind(con, wanted)
        con.execute(f"attach {quote(path)} as looked (read_only)")
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'looked' order by all"
        ).fetchall()
        for schema, table in tables:
            columns = [
                row[0]
                for row in con.execute(
                    "select column_name from duckdb_columns() where database_name = 'looked' and schema_name = ? "
                    "and table_name = ?",
                    [schema, table],
                ).fetchall()
            ]
            source = f"looked.{quote_name(schema)}.{quote_name(table)}"
            for (number,) in con.execute(query_of(columns, source)).fetchall():
                yield f"{schema}.{table}", number


def in_sqlite(path: Path, wanted: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Texts in the tables of an SQLite file."""
    with contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as con:
        con.create_function("folded", 1, lambda value: str(value).lower() if value is not None else "")
        tables = [row[0] for row in con.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            columns = [row[1] for row in con.execute(f"pragma table_info({quote_name(table)})")]
            said = " || char(31) || ".join(f"folded({quote_name(name)})" for name in columns)
            for number, text in enumerate(wanted):
                sql = f"select 1 from {quote_name(table)} where instr({said}, ?) > 0 limit 1"
                if said and con.execute(sql, [text]).fetchone():
                    yield table, number
