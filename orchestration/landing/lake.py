"""Write and read loads. A load is a folder of Parquet files; `_manifest.json`, written last, commits it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import ValidationError

from orchestration.errors import RegularsError
from orchestration.literals import exact_path, quote
from orchestration.yaml_model import Strict

MANIFEST = "_manifest.json"
PART = "part-0.parquet"
LOAD_COLUMNS = ("_load_id", "_loaded_at", "_source_file", "_source_row")


class Manifest(Strict):
    """What a load is; its existence is the commit."""

    source_system: str
    table_name: str
    load_id: str
    loaded_at: str
    rows_read: int
    rows_landed: int
    rows_rejected: int
    bytes: int
    seconds: float
    columns: dict[str, str]
    fingerprint: dict[str, Any]

    def audit(self) -> dict[str, Any]:
        """The columns of load_audit."""
        return self.model_dump(exclude={"columns", "fingerprint"})


class Lake:
    """The loads below one folder: `<system>/<table>/<load_id>/`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def manifests(self) -> list[Manifest]:
        """Every committed load, oldest first.

        Raises:
            RegularsError: a manifest cannot be read.
        """
        found = []
        for path in self.root.glob(f"*/*/*/{MANIFEST}"):
            try:
                found.append(Manifest.model_validate_json(path.read_text(encoding="utf-8")))
            except (OSError, ValidationError) as error:
                raise RegularsError(
                    f"{path}: not a readable manifest: {str(error).splitlines()[0]}",
                    "Restore the lake from a backup, or delete that load's folder to load the table again",
                ) from error
        return sorted(found, key=lambda m: (m.load_id, m.source_system, m.table_name))

    def folder(self, system: str, table: str, load_id: str) -> Path:
        """Where a load is."""
        return self.root / system / table / load_id

    def files(self, manifest: Manifest) -> str:
        """Glob of a load's Parquet files, for read_parquet."""
        folder = self.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        return exact_path(folder) + "/*.parquet"

    def remove_uncommitted(self) -> int:
        """Delete folders of loads that were killed before their commit; returns how many."""
        removed = 0
        for folder in self.root.glob("*/*/*"):
            if folder.is_dir() and not (folder / MANIFEST).exists():
                shutil.rmtree(folder)
                removed += 1
        return removed

    def write(
        self,
        system: str,
        table: str,
        load_id: str,
        loaded_at: str,
        reader: pa.RecordBatchReader,
        rows_read: int,
        fingerprint: dict[str, Any],
    ) -> Manifest:
        """Land rows as received, plus the load's columns, and commit.

        Args:
            system: source system.
            table: its table.
            load_id: name of the load; sorts by time.
            loaded_at: naive UTC time stamp as ISO text.
            reader: the rows, with `_source_file` and `_source_row`.
            rows_read: rows that the source holds, counted independently.
            fingerprint: what identifies the source's content.

        Raises:
            RegularsError: the rows cannot be read or written, or their number is not `rows_read`.
        """
        folder = self.folder(system, table, load_id)
        started = time.monotonic()
        try:
            folder.mkdir(parents=True)
            columns, landed = copy_to_parquet(reader, folder / PART, load_id, loaded_at)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RegularsError(
                f"source {system}, table {table}: cannot be landed in {folder}: {str(error).splitlines()[0]}",
                "Check the source's file, free disk space and write permission",
            ) from error
        if landed != rows_read:
            shutil.rmtree(folder, ignore_errors=True)
            raise RegularsError(
                f"source {system}, table {table}: {rows_read} rows counted but {landed} landed",
                "The source changed while it was read; run the refresh again",
            )
        manifest = Manifest(
            source_system=system,
            table_name=table,
            load_id=load_id,
            loaded_at=loaded_at,
            rows_read=rows_read,
            rows_landed=landed,
            rows_rejected=rows_read - landed,
            bytes=(folder / PART).stat().st_size,
            seconds=round(time.monotonic() - started, 3),
            columns=columns,
            fingerprint=fingerprint,
        )
        commit(folder, manifest)
        return manifest


def copy_to_parquet(
    reader: pa.RecordBatchReader, path: Path, load_id: str, loaded_at: str
) -> tuple[dict[str, str], int]:
    """Write a reader's rows with the load's columns; returns the source's columns and the number of rows."""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set variable load_id = $1", [load_id])
        con.execute("set variable loaded_at = $1", [loaded_at])
        con.register("source_rows", reader)
        written = con.execute(
            f"""
            copy (
              select * exclude (_source_file, _source_row),
                getvariable('load_id')::varchar as _load_id, getvariable('loaded_at')::timestamp as _loaded_at,
                _source_file, _source_row
              from source_rows
            ) to {quote(path)} (format parquet, compression zstd)
            """
        ).fetchone()
        described = con.execute(f"describe select * from read_parquet({quote(exact_path(path))})").fetchall()
    columns = {row[0]: row[1] for row in described if row[0] not in LOAD_COLUMNS}
    return columns, int(written[0]) if written else 0


def commit(folder: Path, manifest: Manifest) -> None:
    """Write the manifest so that it is either whole on disk or absent."""
    for path in folder.glob("*.parquet"):
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    temporary = folder / (MANIFEST + ".tmp")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(manifest.model_dump(), indent=1))
        handle.flush()
        os.fsync(handle.fileno())
    temporary.rename(folder / MANIFEST)
