"""Search every file below a folder for texts: the proof of an erasure.

Databases and Parquet files are read as rows, since their pages are compressed; archives are unpacked; and every file is
searched as bytes too, so that what a database left behind in a free page is found. Texts are found however they are
written (`orchestration.privacy.forms`). What cannot be read is named: nobody can say what it holds.
"""

from __future__ import annotations

import base64
import bz2
import codecs
import contextlib
import gzip
import lzma
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote as percent

import duckdb

from orchestration.platform.literals import exact_path, quote, quote_name
from orchestration.platform.scratch import memory_database
from orchestration.privacy import forms

CHUNK = 8 << 20
OVERLAP = 1 << 12  # characters that two pieces of a file share
DUCKDB, SQLITE, PARQUET, GZIP = b"DUCK", b"SQLite format 3\0", b"PAR1", b"\x1f\x8b"
BZIP, XZ, ZSTD = b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"
KINDS = (SQLITE, PARQUET, GZIP, BZIP, XZ, ZSTD)
BINARY = (DUCKDB, SQLITE, PARQUET, ZSTD)
LONG = 8  # letters and digits from which a glued text is looked for within others, too
NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "DOUBLE", "FLOAT", "DECIMAL",
)  # fmt: skip
NUMERIC = (*NUMBERS, "BOOLEAN", "DATE", "TIME", "INTERVAL", "UUID")


@dataclass(frozen=True)
class Hit:
    """Where a text was found, or what could not be read (number -1)."""

    path: Path
    place: str
    number: int  # of the text, in the order in which they were given


@dataclass(frozen=True)
class Found:
    """What a search saw."""

    files: int
    hits: list[Hit]


@dataclass(frozen=True)
class Wanted:
    """Texts to look for.

    Args:
        texts: in clear.
    """

    texts: Sequence[str]
    numbers: dict[str, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, text in enumerate(self.texts):
            for form in forms.forms_of(text):
                self.numbers.setdefault(form, []).append(number)

    @cached_property
    def long(self) -> list[str]:
        """Glued texts that stand for themselves within others."""
        return [form for form in self.numbers if len(form) >= LONG or forms.has_han(form)]

    @cached_property
    def short(self) -> dict[str, str]:
        """Glued texts that count as whole words only, with a pattern that finds them in a folded text."""
        return {
            form: r"(?:^|[^\pL\pN])" + r"[^\pL\pN]{0,3}".join(form) + r"(?:$|[^\pL\pN])"
            for form in self.numbers if form not in set(self.long)
        }  # fmt: skip

    def in_text(self, text: str) -> set[int]:
        """Numbers of the texts that stand in a text, in any form."""
        plain = forms.decoded(text)
        glued = forms.glued(plain)
        found = {n for form in self.long if form in glued for n in self.numbers[form]}
        if any(form in glued for form in self.short):
            grams = forms.grams(plain, 8)
            found |= {n for form in self.short if form in grams for n in self.numbers[form]}
        return found

    @cached_property
    def patterns(self) -> list[tuple[int, bytes]]:
        """(number, bytes in lower case) of each text in the forms that bytes of any file may have.

        Short ones are looked for as words, see `words`.
        """
        found = set()
        for number, text in enumerate(self.texts):
            for said in {text, text.lower()}:
                plain = said.encode(errors="ignore")
                found.add((number, said.lower().encode("utf-16-le", errors="ignore")))
                if forms.glued(text) not in self.short:
                    found |= {(number, said.lower().encode(errors="ignore")), (number, percent(said).lower().encode())}
                if len(plain) >= LONG:
                    found |= {(number, part.lower()) for part in base64_forms(plain)}
        return sorted(found)

    @cached_property
    def words(self) -> list[tuple[int, re.Pattern[bytes]]]:
        """(number, pattern) of each short text, which counts in bytes only where no letter or digit is beside it."""
        return [
            (number, re.compile(rb"(?<![a-z0-9])" + re.escape(text.lower().encode(errors="ignore")) + rb"(?![a-z0-9])"))
            for number, text in enumerate(self.texts) if forms.glued(text) in self.short
        ]  # fmt: skip


def base64_forms(plain: bytes) -> Iterator[bytes]:
    """How bytes look within base64, wherever they begin."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain + b"\0" * (-(before + len(plain)) % 3))
        yield coded[[0, 2, 3][before] : len(coded) - [0, 4, 4][-(before + len(plain)) % 3]]


def kind_of(path: Path) -> bytes:
    """Signature of a file."""
    with path.open("rb") as handle:
        head = handle.read(16)
    if head[8:12] == DUCKDB:
        return DUCKDB
    return next((kind for kind in KINDS if head.startswith(kind)), b"")


def search(root: Path, texts: Sequence[str], without: Sequence[Path] = ()) -> Found:
    """Look for texts, in any form, in every file below a folder.

    Args:
        root: the folder.
        texts: in clear.
        without: files that are left out.

    Raises:
        OSError: a file cannot be opened.
    """
    wanted = Wanted(texts)
    hits: list[Hit] = []
    files = 0
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path in without:
            continue
        files += 1
        hits += [Hit(path, place, number) for place, number in in_file(path, wanted)]
    return Found(files, sorted(set(hits), key=lambda h: (str(h.path), h.place, h.number)))


def in_file(path: Path, wanted: Wanted) -> Iterator[tuple[str, int]]:
    """Place and number of each text that stands in a file; number -1 for what cannot be read."""
    kind = kind_of(path)
    for number in wanted.in_text(path.name):
        yield "name of the file", number
    try:
        if kind in (DUCKDB, SQLITE, PARQUET):
            yield from {DUCKDB: in_duckdb, SQLITE: in_sqlite, PARQUET: in_parquet}[kind](path, wanted)
        if kind == ZSTD:
            yield "packed with zstd, not looked into", -1
        for place, stream, is_binary in streams(path, kind):
            for number in in_bytes(stream, wanted, is_binary):
                yield place, number
    except (duckdb.Error, sqlite3.Error, EOFError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError,
            gzip.BadGzipFile, NotImplementedError) as error:  # fmt: skip
        yield f"cannot be read: {str(error).splitlines()[0]}", -1


def streams(path: Path, kind: bytes) -> Iterator[tuple[str, IO[bytes], bool]]:
    """A file's bytes, and those of what is packed in it, and whether they are a database's; each is closed before the
    next."""
    with path.open("rb") as plain:
        yield "bytes", plain, kind in BINARY
    if kind in (GZIP, BZIP, XZ):
        with gzip.open(path) if kind == GZIP else bz2.open(path) if kind == BZIP else lzma.open(path) as unpacked:
            yield "unpacked", unpacked, False  # type: ignore[misc]
    if kind in BINARY:
        return
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield name, member, False
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for entry in tar:
                if content := tar.extractfile(entry):
                    yield entry.name, content, False


def in_bytes(stream: IO[bytes], wanted: Wanted, is_binary: bool = False) -> set[int]:
    """Numbers of the texts that stand in a stream: in UTF-8 or UTF-16, as they are, in URLs or base64, and unless it is
    a database's, in any form."""
    longest = max((len(pattern) for _, pattern in wanted.patterns), default=1)
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    found: set[int] = set()
    rest, said = b"", ""
    while chunk := stream.read(CHUNK):
        window = rest + chunk.lower()
        found |= {n for n, pattern in wanted.patterns if n not in found and pattern in window}
        found |= {n for n, pattern in wanted.words if n not in found and pattern.search(window)}
        rest = window[-longest:]
        if not is_binary:
            said += decoder.decode(chunk)
            found |= wanted.in_text(said)
            said = said[-OVERLAP:]
    return found


def bind(con: duckdb.DuckDBPyConnection, wanted: Wanted) -> None:
    """Make the temporary tables `long` (number, form), `short` (number, form, pattern) and `plain` (number, text)."""
    forms.bind(con)
    con.execute(
        "create temp table long (number integer, form varchar); create temp table plain (number integer, said varchar)"
    )
    con.execute("create temp table short (number integer, form varchar, pattern varchar)")
    for table, rows in (
        ("long", [[n, form] for form in wanted.long for n in wanted.numbers[form]]),
        ("short", [[n, form, pattern] for form, pattern in wanted.short.items() for n in wanted.numbers[form]]),
        ("plain", [[n, form] for form, numbers in wanted.numbers.items() if form.isdigit() for n in numbers]),
    ):
        if rows:
            con.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)


def query_of(columns: Sequence[tuple[str, str]], source: str) -> str:
    """SQL of the numbers of the texts that stand in any column of a source; a number is compared whole, or by its last
    digits where it may be a telephone's."""
    said = [name for name, kind in columns if not kind.startswith(NUMERIC) or kind.endswith("]")]
    parts = [numbers_sql(name, source) for name, kind in columns if is_number(kind)]
    if said:
        texts = ", ".join(f"{quote_name(name)}::varchar" for name in said)
        parts.append(
            f"select distinct n.number from (select worded(d) as said, glued(d) as form from (select "
            f"decoded(t) as d from (select distinct concat_ws(chr(31), {texts}) as t from {source}))) s "
            "join (select number, form, null as pattern from long union all select * from short) n "
            "on contains(s.form, n.form) and (n.pattern is null or regexp_matches(s.said, n.pattern))"
        )
    return " union ".join(parts) or "select number from plain where false"


def numbers_sql(column: str, source: str) -> str:
    """SQL of the numbers of the texts that a column of numbers holds."""
    name = quote_name(column)
    return (
        f"select number from plain join (select distinct {name}::hugeint::varchar as digits from {source} where "
        f"abs({name}) between 1e4 and 1e18 and {name} = trunc({name})) on said = digits "
        f"or length(said) = {forms.NUMBER} and length(digits) <= {forms.LONGEST} and ends_with(digits, said)"
    )


def is_number(kind: str) -> bool:
    """Whether a DuckDB type holds one number."""
    return kind.startswith(NUMBERS) and not kind.endswith("]")


def in_parquet(path: Path, wanted: Wanted) -> Iterator[tuple[str, int]]:
    """Texts in a Parquet file."""
    with memory_database() as con:
        bind(con, wanted)
        source = f"read_parquet({quote(exact_path(path))})"
        columns = [(row[0], row[1]) for row in con.execute(f"describe select * from {source}").fetchall()]
        for (number,) in con.execute(query_of(columns, source)).fetchall():
            yield "rows", number


def in_duckdb(path: Path, wanted: Wanted) -> Iterator[tuple[str, int]]:
    """Texts in the tables of a DuckDB file."""
    with memory_database() as con:
        bind(con, wanted)
        con.execute(f"attach {quote(path)} as looked (read_only)")
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'looked' order by all"
        ).fetchall()
        for schema, table in tables:
            columns = con.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'looked' "
                "and schema_name = ? and table_name = ?",
                [schema, table],
            ).fetchall()
            source = f"looked.{quote_name(schema)}.{quote_name(table)}"
            for (number,) in con.execute(query_of(columns, source)).fetchall():
                yield f"{schema}.{table}", number


def in_sqlite(path: Path, wanted: Wanted) -> Iterator[tuple[str, int]]:
    """Texts in the tables of an SQLite file."""
    with contextlib.closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as con:
        con.text_factory = lambda raw: raw.decode(errors="ignore")
        tables = [row[0] for row in con.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            found: set[int] = set()
            for row in con.execute(f"select * from {quote_name(table)}"):
                texts = [v.decode(errors="ignore") if isinstance(v, bytes) else str(v) for v in row if v is not None]
                found |= wanted.in_text(forms.SEPARATOR.join(texts))
            for number in sorted(found):
                yield table, number
