"""Conform what is pending: every batch of every map that the warehouse does not hold yet, in order."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable

import duckdb

from orchestration.company import CompanyConfig
from orchestration.conform.batch import Audit, conform_batch
from orchestration.conform.mapping import Mapping, candidate_sql
from orchestration.conform.tables import prepare
from orchestration.errors import RegularsError
from orchestration.landing.lake import Lake, Manifest
from orchestration.literals import quote

RULES = "1"  # raise when conform's rules change: every entity is then made again from the lake

Loads = dict[str, list[Manifest]]  # raw table → its loads, oldest first


def map_fingerprint(config: CompanyConfig, mapping: Mapping) -> str:
    """What an entity's rows depend on besides the raw data."""
    parts = [
        RULES, mapping.map.model_dump_json(by_alias=True), mapping.contract.model_dump_json(), mapping.zones.source,
        config.company.timezone, str(config.company.business_day_cut_minutes),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def mappings(config: CompanyConfig, entities: Iterable[str] | None = None) -> list[Mapping]:
    """Every map of the company, of some entities if given; in the order of contracts."""
    wanted = set(entities) if entities is not None else set(config.contracts)
    return [
        Mapping.of(config, system, entity)
        for entity in config.contracts
        if entity in wanted
        for system, source in config.sources.items()
        if entity in source.maps
    ]


def batches(loads: Loads, tables: set[str]) -> list[str]:
    """Load ids that bring something new for a map: from the first at which all its tables are there."""
    if any(not loads.get(table) for table in tables):
        return []
    complete = max(loads[table][0].load_id for table in tables)
    return sorted({m.load_id for table in tables for m in loads[table] if m.load_id >= complete})


def bind_raw(con: duckdb.DuckDBPyConnection, lake: Lake, loads: Loads, tables: set[str], load_id: str) -> dt.datetime:
    """Make each raw table's state as of a load visible as a temporary view; returns the batch's time."""
    times = []
    for table in sorted(tables):
        manifest = [m for m in loads[table] if m.load_id <= load_id][-1]
        con.execute(
            f'create or replace temp view "{table}" as select * from read_parquet({quote(lake.files(manifest))})'
        )
        times.append(dt.datetime.fromisoformat(manifest.loaded_at))
    return max(times)


def forget_entity(con: duckdb.DuckDBPyConnection, system: str, entity: str) -> None:
    """Remove what a system brought for an entity; it is made again from the lake."""
    con.execute("begin")
    for table in (f"input.{entity}", f"quarantine.{entity}"):
        con.execute(f"delete from {table} where source_system = ?", [system])
    for table in ("audit.conform_audit", "audit.conform_map"):
        con.execute(f"delete from {table} where source_system = ? and entity = ?", [system, entity])
    con.execute("commit")


def drop_unmapped(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Remove rows of maps that the configuration no longer has."""
    present = {(m.system, m.entity) for m in mappings(config)}
    for system, entity in con.execute("select source_system, entity from audit.conform_map").fetchall():
        if (system, entity) not in present and entity in config.contracts:
            forget_entity(con, system, entity)


def conform(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    done: Callable[[Audit], None],
    entities: Iterable[str] | None = None,
) -> None:
    """Bring the input tables up to the lake.

    Args:
        con: the warehouse.
        config: the company.
        lake: its loads.
        done: called after each batch.
        entities: only these.

    Raises:
        ConfigError: a map is not valid SQL over its tables; says file, key and value.
        RegularsError: an expression failed on some row in a way that a cast cannot catch.
    """
    prepare(con, config.contracts)
    drop_unmapped(con, config)
    by_system: dict[str, Loads] = {}
    for manifest in lake.manifests():
        by_system.setdefault(manifest.source_system, {}).setdefault(manifest.table_name, []).append(manifest)
    for mapping in mappings(config, entities):
        conform_map(con, config, lake, by_system.get(mapping.system, {}), mapping, done)


def conform_map(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    loads: Loads,
    mapping: Mapping,
    done: Callable[[Audit], None],
) -> None:
    """Conform the pending batches of one map."""
    fingerprint = map_fingerprint(config, mapping)
    key = [mapping.system, mapping.entity]
    known = con.execute(
        "select fingerprint from audit.conform_map where source_system = ? and entity = ?", key
    ).fetchone()
    if known is None or known[0] != fingerprint:
        forget_entity(con, mapping.system, mapping.entity)
        con.execute("insert into audit.conform_map values (?, ?, ?)", [*key, fingerprint])
    tables = mapping.raw_tables(con, set(config.sources[mapping.system].tables))
    held = {
        row[0]
        for row in con.execute(
            "select load_id from audit.conform_audit where source_system = ? and entity = ?", key
        ).fetchall()
    }
    for load_id in batches(loads, tables):
        if load_id in held:
            continue
        loaded_at = bind_raw(con, lake, loads, tables, load_id)
        types = mapping.source_types(con)
        raw_columns = {row[0] for row in con.execute(f"describe {mapping.from_sql()}").fetchall()}
        try:
            done(conform_batch(con, mapping, candidate_sql(mapping, types, raw_columns), load_id, loaded_at))
        except duckdb.ConversionException as error:
            raise RegularsError(
                f"{mapping.file}: maps.{mapping.entity}: a cast in the map failed: {str(error).splitlines()[0]}",
                "Use try_cast there, or give the bare column: the contract casts it and quarantines bad rows",
            ) from error


def write_load_audit(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Copy the books of the lake beside those of conform, for the marts."""
    con.execute("begin")
    con.execute("delete from audit.load_audit")
    rows = [list(m.audit().values()) for m in lake.manifests()]
    if rows:
        con.executemany("insert into audit.load_audit values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    con.execute("commit")
