"""Write and read loads. A load is a folder of Parquet files; `_manifest.json`, written last, commits it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from orchestration.connectors.base import SOURCE_FLAGS, bind, none_rejected, text_kind
from orchestration.connectors.files import column_key, rename_sql, renames, spellings_of
from orchestration.connectors.numbers import as_text, text_beside_numbers
from orchestration.platform.clock import naive_utc
from orchestration.platform.durable import move, sync_file, sync_folder
from orchestration.platform.errors import RegularsError, limit_of
from orchestration.platform.literals import exact_path, quote, quote_name
from orchestration.platform.yaml_model import Strict

MANIFEST = "_manifest.json"
PART = "part-0.parquet"
DELETED_PART = "deleted/part-0.parquet"
REJECTED_PART = "rejected/part-0.parquet"  # a folder of its own, so that the load's glob does not see it
PRUNED = "_pruned"  # in a table's folder: ids of loads that the product itself deleted, one a line
SPILL = "spill"  # what does not fit in memory meanwhile; gone before the commit
OWN = "_regulars"  # source system of what the product itself must remember
MEMORY = (
    "1200MB"  # of a load while it is written; without a bound a large file is held in memory as far as there is any
)
LOAD_COLUMNS = ("_load_id", "_loaded_at", "_source_file", "_source_row", SOURCE_FLAGS)


class Drift(Strict):
    """How a load's columns differ from those of the load before; types are DuckDB's."""

    added: dict[str, str] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    retyped: dict[str, tuple[str, str]] = Field(default_factory=dict)
    renamed: dict[str, str] = Field(default_factory=dict)  # old → new: a guess, from the same place and type
    discarded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in type(self).model_fields)

    def __str__(self) -> str:
        parts = [f"new column {name} {kind}" for name, kind in self.added.items()]
        parts += [f"column {name} {kind} is gone" for name, kind in self.missing.items()]
        parts += [f"column {name} was {old}, is {new}" for name, (old, new) in self.retyped.items()]
        parts += [f"column {old} seems to be called {new} now" for old, new in self.renamed.items()]
        parts += [f"column {name} was left out" for name in self.discarded]
        return "; ".join(parts)


@dataclass(frozen=True)
class Erased:
    """What the suppression of persons took out of a load: rows that went, rows that lost the person, refused lines."""

    deleted: int = 0
    blanked: int = 0
    rejected: int = 0

    def __add__(self, other: Erased) -> Erased:
        return Erased(self.deleted + other.deleted, self.blanked + other.blanked, self.rejected + other.rejected)

    def __bool__(self) -> bool:
        return bool(self.deleted or self.blanked or self.rejected)


class Manifest(Strict):
    """What a load is; its existence is the commit. A partial load holds only what was new to the table."""

    source_system: str
    table_name: str
    load_id: str
    loaded_at: str
    rows_read: int
    rows_landed: int
    rows_rejected: int
    bytes: int
    seconds: float
    cursor_from: str | None = None
    cursor_to: str | None = None
    is_partial: bool = False
    rows_deleted: int = 0
    rows_erased: int = 0
    columns: dict[str, str]
    drift: Drift = Drift()
    fingerprint: dict[str, Any]
    checksums: dict[str, str] = Field(default_factory=dict)  # of each Parquet file; loads of older versions have none

    def audit(self) -> dict[str, Any]:
        """The columns of load_audit."""
        return self.model_dump(
            exclude={"columns", "fingerprint", "is_partial", "rows_deleted", "rows_erased", "checksums"}
        ) | {"drift": str(self.drift) or None}

    def without(self, erased: Erased, folder: Path) -> Manifest:
        """The manifest of a load after an erasure: rows that went count as never read, so that the books agree."""
        return self.model_copy(
            update={
                "rows_read": self.rows_read - erased.deleted - erased.rejected,
                "rows_landed": self.rows_landed - erased.deleted,
                "rows_rejected": self.rows_rejected - erased.rejected,
                "rows_erased": self.rows_erased + erased.deleted + erased.rejected,
                "bytes": (folder / PART).stat().st_size,
                "rows_deleted": rows_of(folder / DELETED_PART),
            }
        )


@dataclass(frozen=True)
class Delivery:
    """What a source hands over for one load.

    Args:
        rows: gives SQL over a connection of the rows, with `_source_file` and `_source_row`.
        rows_read: rows of it that the source holds, counted independently; None where only reading could tell.
        fingerprint: what identifies the source's content; of an incremental table also `watermark`, the greatest
            cursor value landed so far.
        cursor: the cursor column, if the table has one.
        is_partial: whether it is only what was new.
        drift: how its columns differ from the load before.
        gone: gives SQL of keys that the lake knows and the source has no more, once the rows are in the given file.
        erase: takes suppressed persons out of the load's folder, given its columns, before it is committed.
        rejected: gives, once the rows are read, what was no row of the table (`connectors.base.REJECTED`).
    """

    rows: Callable[[duckdb.DuckDBPyConnection], str]
    rows_read: int | None
    fingerprint: dict[str, Any]
    cursor: str | None = None
    is_partial: bool = False
    drift: Drift = field(default_factory=Drift)
    rejected: Callable[[duckdb.DuckDBPyConnection], pa.Table] = lambda _: none_rejected()
    gone: Callable[[duckdb.DuckDBPyConnection, Path], str] | None = None
    erase: Callable[[Path, dict[str, str]], Erased] = lambda *_: Erased()


class Lake:
    """The loads below one folder: `<system>/<table>/<load_id>/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sound: dict[Path, tuple[int, int]] = {}  # files that were compared with their checksum: size and time

    def manifests(self) -> list[Manifest]:
        """Every committed load, oldest first.

        Raises:
            RegularsError: a manifest cannot be read.
        """
        found = [read_manifest(path) for path in self.root.glob(f"*/*/*/{MANIFEST}")]
        return sorted(found, key=lambda m: (m.load_id, m.source_system, m.table_name))

    def folder(self, system: str, table: str, load_id: str) -> Path:
        """Where a load is."""
        return self.root / system / table / load_id

    def files(self, manifest: Manifest) -> str:
        """Glob of a load's Parquet files, for read_parquet."""
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        if problem := self.problem(manifest, deep=True):
            raise RegularsError(
                f"{folder}: {problem}",
                "Run: regulars refresh --full; it loads the table again, or says which load a backup must bring back",
            )
        return exact_path(folder) + "/*.parquet"

    def deleted(self, manifest: Manifest) -> str | None:
        """Path of the keys that were gone at a load; None where none was."""
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        return exact_path(folder / DELETED_PART) if manifest.rows_deleted else None

    def current(self, seen: Sequence[Manifest], key: Sequence[str], by_file: bool = False) -> str:
        """SQL of a table's rows after some loads: of rows with the same key the newest, without those deleted since.

        Args:
            seen: the last whole load, and the partial ones since.
            key: columns that name a row; without one every row of every load counts.
            by_file: whether a load holds files of several days, of which the last that has the key counts; what one
                file says twice stays, since nobody can say which is right.
        """
        spelled = spellings_of(manifest.columns for manifest in seen)
        key = [spelled.get(column_key(name), name) for name in key]
        names = ", ".join(quote_name(name) for name in key)
        newest = ""
        if key and by_file:
            newest = f"qualify rank() over (partition by {names} order by _load_id desc, _source_file desc) = 1"
        elif key and len(seen) > 1:
            newest = f"qualify row_number() over (partition by {names} order by _load_id desc, _source_row desc) = 1"
        rows = self.landed(seen)
        if newest:
            rows = f"select * from ({rows}) {newest}"
        gone = [quote(path) for manifest in seen if (path := self.deleted(manifest))]
        if not gone:
            return rows
        same = " and ".join(f"d.{quote_name(name)} is not distinct from r.{quote_name(name)}" for name in key)
        return (
            f"select r.* from ({rows}) r where not exists (select 1 from read_parquet([{', '.join(gone)}]) d "
            f"where {same} and d._load_id > r._load_id)"
        )

    def landed(self, seen: Sequence[Manifest]) -> str:
        """SQL of the rows of some loads; numbers of a column that is text in other loads become text as ids do."""
        mixed = text_beside_numbers(manifest.columns for manifest in seen)
        spellings = spellings_of(manifest.columns for manifest in seen)
        groups: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], list[str]] = {}
        for manifest in seen:
            alike = tuple(as_text(manifest.columns, mixed)), tuple(renames(manifest.columns, spellings))
            groups.setdefault(alike, []).append(quote(self.files(manifest)))
        return " union all by name ".join(
            rename_sql(
                "select * exclude (file_row_number) replace ("
                + ", ".join(("coalesce(_source_row, file_row_number + 1) as _source_row", *texts))
                + f") from read_parquet([{', '.join(files)}], union_by_name = true, file_row_number = true)",
                renamed,
            )
            for (texts, renamed), files in groups.items()
        )

    def rejected(self, manifest: Manifest) -> str | None:
        """Path of a load's rejected rows; None where it has none."""
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        return exact_path(folder / REJECTED_PART) if manifest.rows_rejected else None

    def newest(self, system: str, table: str) -> Manifest | None:
        """The last committed load of a table."""
        folders = sorted((self.root / system / table).glob(f"*/{MANIFEST}"))
        return read_manifest(folders[-1]) if folders else None

    def problem(self, manifest: Manifest, deep: bool = False) -> str | None:
        """What of a load is not as it was committed; None where nothing is.

        Args:
            manifest: the load's.
            deep: compare whole files with their checksums, not only their sizes and rows.
        """
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        for name, rows in parts_of(manifest).items():
            path = folder / name
            try:
                found = path.stat()
                if self.sound.get(path) == (found.st_size, found.st_mtime_ns):
                    continue
                held = pq.read_metadata(path).num_rows
                if held != rows:
                    return f"{name} holds {held:,} rows, its manifest says {rows:,}"
                if name == PART and found.st_size != manifest.bytes:
                    return f"{name} has {found.st_size:,} bytes, its manifest says {manifest.bytes:,}"
                # Whoever writes into a file after its manifest was written makes it the younger one.
                is_younger = found.st_mtime_ns > (folder / MANIFEST).stat().st_mtime_ns
                if name in manifest.checksums and (deep or is_younger):
                    if checksum(path) != manifest.checksums[name]:
                        return f"{name} is not as it was written: its checksum differs"
                    self.sound[path] = found.st_size, found.st_mtime_ns
            except FileNotFoundError:
                return f"{name} is gone"
            except (OSError, pa.ArrowException) as error:
                return f"{name} cannot be read: {str(error).splitlines()[0]}"
        return None

    def folders(self) -> list[Path]:
        """Folder of every load, committed or not."""
        return sorted(path for path in self.root.glob("*/*/*") if path.is_dir())

    def drop(self, manifest: Manifest) -> None:
        """Delete a load on purpose, and keep its name, so that nobody takes it for lost."""
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        with (folder.parent / PRUNED).open("a", encoding="utf-8") as names:
            names.write(manifest.load_id + "\n")
            names.flush()
            os.fsync(names.fileno())
        (folder / MANIFEST).unlink()
        shutil.rmtree(folder)
        sync_folder(folder.parent)

    def pruned(self) -> set[tuple[str, str, str]]:
        """System, table and id of every load that the product itself deleted."""
        return {
            (path.parent.parent.name, path.parent.name, load_id)
            for path in self.root.glob(f"*/*/{PRUNED}")
            for load_id in path.read_text(encoding="utf-8", errors="replace").split()
        }

    def write(self, system: str, table: str, load_id: str, loaded_at: str, delivery: Delivery) -> Manifest | None:
        """Land rows as received, plus the load's columns, and commit; None where a partial load brought nothing.

        Args:
            system: source system.
            table: its table.
            load_id: name of the load; sorts by time.
            loaded_at: naive UTC time stamp as ISO text.
            delivery: the rows and what is known of them.

        Raises:
            RegularsError: the rows cannot be read or written, or their number is not `rows_read`.
        """
        folder = self.folder(system, table, load_id)
        started = time.monotonic()
        try:
            folder.mkdir(parents=True)
            try:
                columns, landed, rejected, deleted = copy_to_parquet(delivery, folder, load_id, loaded_at, MEMORY)
            except duckdb.OutOfMemoryException:  # records of hundreds of megabytes
                shutil.rmtree(folder)
                folder.mkdir()
                columns, landed, rejected, deleted = copy_to_parquet(delivery, folder, load_id, loaded_at)
            span = cursor_span(folder / PART, delivery, columns, loaded_at)
        except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            cure = "Check the source's file, free disk space and write permission"
            if limit := limit_of(error):
                reason, cure = f"{limit[0]}: {reason}", limit[1]
            raise RegularsError(
                f"source {system}, table {table}: cannot be landed in {folder}: {reason}", cure
            ) from error
        rows_read = delivery.rows_read if delivery.rows_read is not None else landed + rejected
        if landed + rejected != rows_read:
            shutil.rmtree(folder, ignore_errors=True)
            raise RegularsError(
                f"source {system}, table {table}: {rows_read} rows counted but {landed + rejected} landed or rejected",
                "The source changed while it was read, or its reader loses rows: run the refresh again; "
                "if it says so again, compare regulars source preview with the source",
            )
        if delivery.is_partial and not landed + rejected + deleted:
            shutil.rmtree(folder)
            return None
        manifest = Manifest(
            source_system=system,
            table_name=table,
            load_id=load_id,
            loaded_at=loaded_at,
            rows_read=rows_read,
            rows_landed=landed,
            rows_rejected=rejected,
            bytes=(folder / PART).stat().st_size,
            seconds=round(time.monotonic() - started, 3),
            cursor_from=span[0],
            cursor_to=span[1],
            is_partial=delivery.is_partial,
            rows_deleted=deleted,
            columns=columns,
            drift=delivery.drift,
            fingerprint=delivery.fingerprint | ({"watermark": span[2]} if delivery.cursor else {}),
        )
        try:
            erased = delivery.erase(folder, columns)
        except (duckdb.Error, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RegularsError(
                f"source {system}, table {table}: forgotten persons cannot be taken out: {str(error).splitlines()[0]}",
                "Check the maps of the source, free disk space and write permission",
            ) from error
        return commit(folder, manifest.without(erased, folder))

    def loads(self, system: str, table: str) -> list[Manifest]:
        """Committed loads of one table, oldest first."""
        return [read_manifest(path) for path in sorted((self.root / system / table).glob(f"*/{MANIFEST}"))]

    def remember(self, table: str, rows: pa.Table, load_id: str, now: dt.datetime) -> Manifest | None:
        """Land rows that cannot be recomputed as a load of the product's own system; None where there are none."""
        if not rows.num_rows:
            return None
        landed = rows.append_column("_source_file", pa.nulls(rows.num_rows, pa.string())).append_column(
            "_source_row", pa.array(range(1, rows.num_rows + 1), pa.int64())
        )
        delivery = Delivery(lambda con: bind(con, landed.to_reader()), rows.num_rows, {}, is_partial=True)
        return self.write(OWN, table, load_id, naive_utc(now).isoformat(sep=" "), delivery)

    def remembered(self, table: str) -> list[str]:
        """Globs of the files of one of the product's own tables, oldest first."""
        return [self.files(manifest) for manifest in self.loads(OWN, table)]


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def parts_of(manifest: Manifest) -> dict[str, int]:
    """Files that a load must have, with their rows."""
    found = {PART: manifest.rows_landed}
    if manifest.rows_rejected:
        found[REJECTED_PART] = manifest.rows_rejected
    if manifest.rows_deleted:
        found[DELETED_PART] = manifest.rows_deleted
    return found


def last_whole(manifests: list[Manifest]) -> int:
    """Place of the last load that held its whole table."""
    return max((i for i, manifest in enumerate(manifests) if not manifest.is_partial), default=0)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        RegularsError: it cannot be read.
    """
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # no JSON, no manifest, or no text at all
        raise RegularsError(
            f"{path}: not a readable manifest: {str(error).splitlines()[0]}",
            "Run: regulars refresh; it loads the table again, or says which load a backup must bring back",
        ) from error


def cursor_span(
    path: Path, delivery: Delivery, columns: dict[str, str], loaded_at: str
) -> tuple[str | None, str | None, str | None]:
    """Least and greatest cursor value of a load, and the table's watermark after it, as text.

    A time stamp beyond the load's own time cannot be the watermark: one row dated 9999 would keep every
    later row out.
    """
    if delivery.cursor is None:
        return None, None, None
    name, kind = quote_name(delivery.cursor), columns[delivery.cursor]
    rows = f"read_parquet({quote(exact_path(path))})"
    if kind == "VARCHAR":
        with duckdb.connect() as con:
            sample = con.execute(f"select max({name}) from {rows}").fetchone()
        kind = text_kind(str(sample[0])) if sample and sample[0] is not None else kind
        name = f"try_cast({name} as {kind})"
    greatest = f"max({name})"
    if kind.startswith(("TIMESTAMP", "DATE")):
        greatest = f"least({greatest}, cast($loaded_at as {kind}))"
    known = f"cast($watermark as {kind})"
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        found = con.execute(
            f"select min({name})::varchar, max({name})::varchar, greatest({greatest}, {known})::varchar, $loaded_at "
            f"from {rows}",
            {"watermark": delivery.fingerprint.get("watermark"), "loaded_at": loaded_at},
        ).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


def copy_to_parquet(
    delivery: Delivery, folder: Path, load_id: str, loaded_at: str, memory: str | None = None
) -> tuple[dict[str, str], int, int, int]:
    """Write a delivery's rows with the load's columns, and beside them what was rejected and what is gone.

    Returns the source's columns, and the numbers of rows landed, rejected and deleted.

    Raises:
        duckdb.OutOfMemoryException: it needs more than `memory`; default: most of the machine's.
    """
    path = folder / PART
    left_out = "".join(f", {quote_name(name)}" for name in delivery.drift.discarded)
    with duckdb.connect(config={"temp_directory": str(folder / SPILL)}) as con:
        if memory:
            con.execute(f"set memory_limit = {quote(memory)}")
        con.execute("set TimeZone = 'UTC'")
        con.execute("set variable load_id = $1", [load_id])
        con.execute("set variable loaded_at = $1", [loaded_at])
        source_rows = delivery.rows(con)
        written = con.execute(
            f"""
            copy (
              select * exclude (_source_file, _source_row{left_out}),
                getvariable('load_id')::varchar as _load_id, getvariable('loaded_at')::timestamp as _loaded_at,
                _source_file, _source_row
              from ({source_rows})
            ) to {quote(path)} (format parquet, compression zstd)
            """
        ).fetchone()
        described = con.execute(f"describe select * from read_parquet({quote(exact_path(path))})").fetchall()
        rejected = delivery.rejected(con)
        deleted = copy_gone(con, delivery, folder) if delivery.gone else 0
    if rejected.num_rows:
        (folder / REJECTED_PART).parent.mkdir()
        pq.write_table(rejected, folder / REJECTED_PART, compression="zstd")
    shutil.rmtree(folder / SPILL, ignore_errors=True)
    columns = {row[0]: row[1] for row in described if row[0] not in LOAD_COLUMNS}
    return columns, int(written[0]) if written else 0, rejected.num_rows, deleted


def copy_gone(con: duckdb.DuckDBPyConnection, delivery: Delivery, folder: Path) -> int:
    """Write the keys that are gone, if there are any; returns how many."""
    assert delivery.gone is not None
    sql = delivery.gone(con, folder / PART)
    con.execute(f"create temp table gone as select *, getvariable('load_id')::varchar as _load_id from ({sql})")
    found = con.execute("select count(*) from gone").fetchone()
    deleted = int(found[0]) if found else 0
    if deleted:
        (folder / DELETED_PART).parent.mkdir()
        con.execute(f"copy gone to {quote(folder / DELETED_PART)} (format parquet, compression zstd)")
    return deleted


def rows_of(path: Path) -> int:
    """Rows of a Parquet file; none where there is none."""
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def commit(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest so that it is either whole on disk or absent; returns it with the files' checksums."""
    files = sorted(folder.rglob("*.parquet"))
    for path in files:
        sync_file(path)
        sync_folder(path.parent)
    sums = {str(path.relative_to(folder)): checksum(path) for path in files}
    manifest = manifest.model_copy(update={"checksums": sums})
    temporary = folder / (MANIFEST + ".tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(manifest.model_dump(), indent=1))
        handle.flush()
        os.fsync(handle.fileno())
    move(temporary, folder / MANIFEST)
    for place in (folder.parent, folder.parent.parent):  # made for this load, perhaps
        sync_folder(place)
    return manifest
