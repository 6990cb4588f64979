"""Corrected values of quarantined rows: kept in the lake, applied whenever the row is conformed again."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.landing.lake import Lake
from orchestration.platform.clock import naive_utc

TABLE = "correction"
SCHEMA = pa.schema(
    [
        ("source_system", pa.string()), ("entity", pa.string()), ("row_id", pa.string()),
        ("column_name", pa.string()), ("value", pa.string()), ("corrected_at", pa.timestamp("us")),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Correction:
    """A value that a quarantined row shall have in one input column; None stands for a missing value."""

    source_system: str
    entity: str
    row_id: str
    column: str
    value: str | None


def store(lake: Lake, corrections: list[Correction], load_id: str, now: dt.datetime) -> None:
    """Land corrections that the lake does not hold already; of several for the same row and column the latest counts.

    One that was landed by a replay that was killed is not landed twice.
    """
    known = {c for own in Corrections.read(lake).found.values() for c in own}
    corrections = [c for c in corrections if c not in known]
    at = naive_utc(now)
    rows = [
        {"source_system": c.source_system, "entity": c.entity, "row_id": c.row_id, "column_name": c.column,
         "value": c.value, "corrected_at": at} for c in corrections
    ]  # fmt: skip
    lake.remember(TABLE, pa.Table.from_pylist(rows, SCHEMA), load_id, now)


@dataclass(frozen=True)
class Corrections:
    """The corrections that count, by system and entity."""

    found: dict[tuple[str, str], list[Correction]]

    @classmethod
    def read(cls, lake: Lake) -> Corrections:
        """Every correction that the lake remembers."""
        loads = lake.remembered(TABLE)
        found: dict[tuple[str, str], list[Correction]] = {}
        if loads:
            with duckdb.connect() as con:
                rows = con.execute(
                    "select source_system, entity, row_id, column_name, value from read_parquet($files) "
                    "qualify row_number() over (partition by source_system, entity, row_id, column_name "
                    "order by _load_id desc, _source_row desc) = 1 order by all",
                    {"files": loads},
                ).fetchall()
            for row in rows:
                found.setdefault((row[0], row[1]), []).append(Correction(*row))
        return cls(found)

    def fingerprint(self, system: str, entity: str) -> str:
        """What of them an entity's rows depend on; empty where there are none."""
        own = self.found.get((system, entity), [])
        return hashlib.sha256(repr(own).encode()).hexdigest() if own else ""

    def bind(self, con: duckdb.DuckDBPyConnection, system: str, entity: str) -> frozenset[str]:
        """Make them the temporary table `correction`; returns the input columns that they name."""
        own = self.found.get((system, entity), [])
        if not own:
            return frozenset()
        con.execute("create or replace temp table correction_value (row_id varchar, name varchar, value varchar)")
        con.executemany("insert into correction_value values (?, ?, ?)", [[c.row_id, c.column, c.value] for c in own])
        con.execute(
            "create or replace temp table correction as select row_id as _correction_id, "
            "map_from_entries(list({'k': name, 'v': value})) as _correction from correction_value group by 1"
        )
        return frozenset(c.column for c in own)
