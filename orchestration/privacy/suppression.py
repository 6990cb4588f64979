"""Who was forgotten: sealed ids and values, kept outside the lake; neither a load nor a restore brings them back.

A seal is a keyed hash. The list says nothing to who does not have the key, and to who has it only whether a value that
he knows already was erased. Both are files that only their owner reads; a backup holds both.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.platform.errors import RegularsError

LIST, KEYS = "suppression.parquet", "suppression.key"
SCHEMA = pa.schema(
    [
        ("key_id", pa.string()), ("kind", pa.string()), ("seal", pa.string()), ("words", pa.int32()),
        ("suppressed_at", pa.timestamp("us")),
    ]
)  # fmt: skip
CURE = (
    "It says who was forgotten, which nothing else does, and loads would bring them back: put it back from a backup, "
    "with regulars restore FILE --replace, or from where you keep it"
)
MAX_WORDS = 8  # longer values are not looked for in text
# Kinds: of texts in glued form, of values as lists of before had them (words in lower case), and of customer keys; ids
# have kind `customer:SYSTEM`, `sales_order:SYSTEM`.
TEXT, VALUE, KEY = "text", "value", "key"
BETWEEN_WORDS = r"[\s,;|\"(){}\[\]<>:=&?/]+"
AROUND_WORDS = ".!'*"


def words_of(text: str) -> list[str]:
    """Text as its words in lower case, as the seals see them."""
    return [word for part in re.split(BETWEEN_WORDS, text.lower()) if (word := part.strip(AROUND_WORDS))]


@dataclass(frozen=True)
class Sealed:
    """What to seal: an id, or the words of a value.

    Args:
        kind: TEXT, VALUE, KEY, or the kind of an id.
        value: in clear; of a text its glued form.
        words: of how many words a text is.
    """

    kind: str
    value: str
    words: int = 0

    def plain(self) -> tuple[str, int]:
        """What is hashed, and of how many words it is (0 for ids, which are compared whole)."""
        if self.kind != VALUE:
            return self.value, self.words
        words = words_of(self.value)
        return " ".join(words), len(words)


def seal(key: str, kind: str, value: str) -> str:
    """The keyed hash, in the nested form of HMAC; `SEAL_SQL` is the same."""
    inner = hashlib.sha256((key + kind + chr(31) + value).encode()).hexdigest()
    return hashlib.sha256((key + inner).encode()).hexdigest()[:40]


SEAL_SQL = (
    "create or replace temp macro seal(k, kind, val) as left(sha256(k || sha256(k || kind || chr(31) || val)), 40)"
)


def text_of(keys: dict[str, str]) -> bytes:
    """The file of the keys."""
    return "".join(f"{name} {key}\n" for name, key in sorted(keys.items())).encode()


def write_private(path: Path, content: bytes) -> None:
    """Replace a file that only its owner reads, in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@dataclass(frozen=True)
class Suppression:
    """The list of one company, below its folder of runtime state."""

    root: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """The list and its keys."""
        return self.root / LIST, self.root / KEYS

    def __bool__(self) -> bool:
        return self.files[0].exists()

    def keys(self) -> dict[str, str]:
        """Id → key. More than one where lists of two installations were merged.

        Raises:
            RegularsError: the file cannot be read.
        """
        path = self.files[1]
        if not path.exists():
            return {}
        try:
            return dict(line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
        except (OSError, ValueError) as error:
            raise RegularsError(f"{path}: cannot be read: {error}", CURE) from error

    def secret(self) -> str:
        """The key that new entries are sealed with; made where there is none."""
        keys = self.keys()
        if not keys:
            key = secrets.token_hex(32)
            keys = {hashlib.sha256(key.encode()).hexdigest()[:8]: key}
            self.root.mkdir(parents=True, exist_ok=True)
            write_private(self.files[1], text_of(keys))
        return next(iter(keys.values()))

    def entries(self) -> pa.Table:
        """Every entry (SCHEMA).

        Raises:
            RegularsError: the list cannot be read, or the keys that its entries are sealed under are gone: loads would
                bring back who is on it.
        """
        if not self:
            return SCHEMA.empty_table()
        path, keys = self.files
        try:
            found = pq.read_table(path, schema=SCHEMA)
        except (OSError, pa.ArrowException) as error:
            raise RegularsError(f"{path}: cannot be read: {str(error).splitlines()[0]}", CURE) from error
        if lacking := set(found["key_id"].to_pylist()) - self.keys().keys():
            raise RegularsError(f"{keys}: key {min(lacking)} of the list of the forgotten is not in it", CURE)
        return found

    def covers(self, found: Iterable[Sealed]) -> bool:
        """Whether each is on the list."""
        seals = set(self.entries()["seal"].to_pylist())
        keys = self.keys().values()
        return all(any(seal(key, s.kind, s.plain()[0]) in seals for key in keys) for s in found)

    def add(self, found: Iterable[Sealed], now: dt.datetime) -> None:
        """Put ids and values on the list; what is there already stays as it is."""
        self.secret()
        keys = self.keys()
        key_id, key = next(iter(keys.items()))
        plain = {(s.kind, *s.plain()) for s in found}
        rows = [
            {"key_id": key_id, "kind": kind, "seal": seal(key, kind, value), "words": words, "suppressed_at": now}
            for kind, value, words in sorted(plain)
            if value and words <= MAX_WORDS
        ]
        self.write(keys, pa.concat_tables([self.entries(), pa.Table.from_pylist(rows, SCHEMA)]))

    def merge(self, other: Suppression) -> None:
        """Take the entries of another list in."""
        self.write(other.keys() | self.keys(), pa.concat_tables([self.entries(), other.entries()]))

    def write(self, keys: dict[str, str], entries: pa.Table) -> None:
        """Replace list and keys, each in one step; of an entry that is there twice the older stays."""
        entries = entries.sort_by([("suppressed_at", "ascending")])
        seen: set[str] = set()
        first = [not (value in seen or seen.add(value)) for value in entries["seal"].to_pylist()]  # type: ignore[func-returns-value]
        entries = entries.filter(pa.array(first, pa.bool_()))
        self.root.mkdir(parents=True, exist_ok=True)
        sink = pa.BufferOutputStream()
        pq.write_table(entries, sink)
        write_private(self.files[1], text_of(keys))
        write_private(self.files[0], sink.getvalue().to_pybytes())

    def bind(self, con: duckdb.DuckDBPyConnection) -> list[int]:
        """Make temporary table `suppressed` (key, kind, seal, words) and macro `seal`; returns the words that values
        have."""
        entries = self.entries()
        keys = self.keys()
        con.register("entry_rows", entries)
        con.register("key_rows", pa.table({"key_id": list(keys), "secret": list(keys.values())}))
        con.execute(
            "create or replace temp table suppressed as select k.secret, e.kind, e.seal, e.words from entry_rows e "
            "join key_rows k using (key_id)"
        )
        con.unregister("entry_rows")
        con.unregister("key_rows")
        con.execute(SEAL_SQL)
        return sorted({int(n) for n in entries["words"].to_pylist() if n})
