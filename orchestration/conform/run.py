"""Conform what is pending: every batch of every map that the warehouse does not hold yet, in order."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.conform.batch import Audit, conform_batch
from orchestration.conform.corrections import Corrections
from orchestration.conform.map_sql import shut
from orchestration.conform.mapping import Mapping, candidate_sql
from orchestration.conform.overlap import Overlap, find_overlap, line_columns, overlap_columns
from orchestration.conform.places import placed
from orchestration.conform.tables import LOAD_AUDIT_SQL, REJECTED_ROW_SQL, prepare
from orchestration.connectors.files import column_key, rename_sql, spellings_of
from orchestration.connectors.registry import connect
from orchestration.landing.lake import LOAD_COLUMNS, Lake, Manifest, last_whole
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote_name

RULES = "7"  # raise when conform's rules change: every entity is then made again from the lake

Loads = dict[str, list[Manifest]]  # raw table → its loads, oldest first


def map_fingerprint(config: CompanyConfig, mapping: Mapping, corrections: Corrections) -> str:
    """What an entity's rows depend on besides the raw data."""
    parts = [
        RULES, mapping.map.model_dump_json(by_alias=True), mapping.contract.model_dump_json(exclude={"quality"}),
        mapping.zones.source, mapping.formats.model_dump_json(),
        config.company.timezone, str(config.company.business_day_cut_minutes),
        corrections.fingerprint(mapping.system, mapping.entity),
        {n: (t.key, t.overlap, t.load.mode) for n, t in config.sources[mapping.system].tables.items()},
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


@dataclass(frozen=True)
class Bound:
    """The raw tables of a batch, bound as views.

    Args:
        loaded_at: the batch's time, naive UTC.
        overlaps: what the files of a table have in common, by table.
        may_shrink: whether a part of a record that was there before may be gone: a later file replaced its lines.
        is_daily: whether the rows are of one table, of files of which a later one is the newer.
        landed: rows of the load, where the batch is each of them, and nothing else; else None.
    """

    loaded_at: dt.datetime
    overlaps: dict[str, Overlap]
    may_shrink: bool
    is_daily: bool
    landed: int | None


def bind_raw(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    loads: Loads,
    mapping: Mapping,
    load_id: str,
    whole: bool = False,
) -> Bound:
    """Make the raw tables that a map reads visible as temporary views.

    A map of one table sees the batch's own load. A query sees each table as of the batch: the last whole load
    and the partial ones since, and of rows with the same key the newest; so does a map of one table if asked for
    the `whole` of it, and one whose files may overlap.
    """
    times = []
    overlaps = {}
    may_shrink = False
    landed = None
    source = config.sources[mapping.system]
    tables = sorted(mapping.raw_tables(con, set(source.tables)))
    is_daily = len(tables) == 1
    for table in tables:
        until = [m for m in loads[table] if m.load_id <= load_id]
        times.append(until[-1].loaded_at)
        spec = source.tables[table]
        by = overlap_columns(con, config, mapping.system, table, until[-1].columns)
        seen = until[-1:] if mapping.is_table() and not whole and not by else until[last_whole(until) :]
        names = spellings_of(m.columns for m in seen)
        renamed = mapping.spelled(con, names.values())
        names |= {column_key(name): said for name, said in renamed}
        rows = rename_sql(lake.current(seen, spec.key, by_file=spec.load.mode == "files"), renamed)
        if len(seen) == len(tables) == 1 and mapping.is_table() and not by and spec.load.mode != "files":
            landed = seen[0].rows_landed
        if by:
            by = tuple(names[column_key(name)] for name in by)
            common = set.intersection(*(set(map(column_key, m.columns)) for m in seen))
            content = line_columns(
                con, config, mapping.system, table, [name for key, name in names.items() if key in common]
            )
            if found := find_overlap(con, table, rows, by, content):
                overlaps[table] = found
                rows = found.without_replaced(rows)
        is_daily = is_daily and spec.load.mode == "files" and not by
        may_shrink = may_shrink or bool(by) or bool(spec.key and spec.load.mode == "files" and not mapping.is_table())
        kinds = {row[0]: row[1] for row in con.execute(f"describe {rows}").fetchall() if row[0] not in LOAD_COLUMNS}
        rows = source.as_written(rows, kinds, mapping.formats)
        con.execute(f'create or replace temp view "{table}" as {rows}')
    return Bound(max(dt.datetime.fromisoformat(time) for time in times), overlaps, may_shrink, is_daily, landed)


def check_columns(config: CompanyConfig, lake: Lake, system: str, table: str, columns: dict[str, str]) -> None:
    """Whether every map of a system still works if a table has these columns.

    Raises:
        ConfigError: a map needs a column that is gone; says file, key and value.
    """
    source = config.sources[system]
    with duckdb.connect() as con:
        shut(con)
        for mapping in (Mapping.of(config, system, entity) for entity in source.maps):
            names = mapping.raw_tables(con, set(source.tables))
            if table not in names:
                continue
            known = {name: columns if name == table else columns_of(config, lake, system, name) for name in names}
            if not all(known.values()):
                continue  # a table that was never loaded: conform waits for it
            for name, kinds in known.items():
                said = dict(mapping.spelled(con, kinds))
                raw = {said.get(column, column): kind for column, kind in kinds.items()}
                raw |= {"_load_id": "varchar", "_loaded_at": "timestamp"}
                raw |= {"_source_file": "varchar", "_source_row": "bigint"}
                fields = ", ".join(f"{quote_name(column)} {kind}" for column, kind in raw.items())
                con.execute(f'create or replace temp table "{name}" ({fields})')
            mapping.source_types(con)


def columns_of(config: CompanyConfig, lake: Lake, system: str, table: str) -> dict[str, str]:
    """Columns of a table as it was loaded last, or as its source has it before it ever was; none where it is away."""
    if manifest := lake.newest(system, table):
        return manifest.columns
    try:
        return connect(config.sources[system].as_system()).columns(table)
    except RegularsError:
        return {}


def forget_entity(con: duckdb.DuckDBPyConnection, system: str, entity: str) -> None:
    """Remove what a system brought for an entity; it is made again from the lake, and so are all facts."""
    con.execute("begin")
    con.execute("delete from audit.built")
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
    said: Callable[[str, str], None] = lambda *_: None,
) -> None:
    """Bring the input tables up to the lake.

    Args:
        con: the warehouse; from then on it opens no files but the lake's, since maps are SQL of others.
        config: the company.
        lake: its loads.
        done: called after each batch.
        entities: only these.
        said: called with a table's name and what a user should know of it.

    Raises:
        ConfigError: a map is not valid SQL over its tables; says file, key and value.
        RegularsError: an expression failed on some row in a way that a cast cannot catch.
    """
    shut(con, lake.root)
    prepare(con, config.contracts)
    drop_unmapped(con, config)
    by_system: dict[str, Loads] = {}
    for manifest in lake.manifests():
        by_system.setdefault(manifest.source_system, {}).setdefault(manifest.table_name, []).append(manifest)
    corrections = Corrections.read(lake)
    told: set[tuple[str, str]] = set()

    def once(table: str, message: str) -> None:
        """Several maps read the same table."""
        if (table, message) not in told:
            told.add((table, message))
            said(table, message)

    for mapping in mappings(config, entities):
        conform_map(con, config, lake, by_system.get(mapping.system, {}), mapping, corrections, done, once)


def conform_map(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    loads: Loads,
    mapping: Mapping,
    corrections: Corrections,
    done: Callable[[Audit], None],
    said: Callable[[str, str], None],
) -> None:
    """Conform the pending batches of one map."""
    fingerprint = map_fingerprint(config, mapping, corrections)
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
    corrected = corrections.bind(con, mapping.system, mapping.entity)
    for load_id in batches(loads, tables):
        if load_id in held:
            continue
        ends = not mapping.contract.lasting and any(
            m.rows_deleted for table in tables for m in loads[table] if m.load_id == load_id
        )
        if ends:
            bind_raw(con, config, lake, loads, mapping, load_id, whole=True)
            note_alive(con, mapping)
        bound = bind_raw(con, config, lake, loads, mapping, load_id)
        for table, overlap in bound.overlaps.items():
            said(f"{mapping.system}.{table}", str(overlap))
        types = mapping.source_types(con)
        raw_columns = [row[0] for row in con.execute(f"describe {mapping.from_sql()}").fetchall()]
        marks = {flag: sql for found in bound.overlaps.values() for flag, sql in found.flag(raw_columns).items()}
        told = None if "_source_row" in raw_columns else placed(con, mapping.from_sql(), raw_columns)
        query = candidate_sql(mapping, types, raw_columns, corrected, bound.loaded_at, marks, bound.is_daily, told)
        try:
            done(conform_batch(con, mapping, query, load_id, bound.loaded_at, ends, bound.may_shrink, bound.landed))
        except duckdb.ConversionException as error:
            raise RegularsError(
                f"{mapping.file}: maps.{mapping.entity}: a cast in the map failed: {str(error).splitlines()[0]}",
                "Use try_cast there, or give the bare column: the contract casts it and quarantines bad rows",
            ) from error


def note_alive(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> None:
    """Keys of the records that a map makes of what its tables hold now, in the temporary table `alive`."""
    raw_columns = [row[0] for row in con.execute(f"describe {mapping.from_sql()}").fetchall()]
    query = candidate_sql(mapping, mapping.source_types(con), raw_columns)
    con.execute(f"create or replace temp table alive as select distinct _record_key from ({query.sql})")


def write_load_audit(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Copy the books of the lake beside those of conform, and what never became a row beside the quarantine."""
    con.execute("begin")
    con.execute(LOAD_AUDIT_SQL)
    manifests = lake.manifests()
    rows = [m.audit() for m in manifests]
    if rows:
        names = list(rows[0])
        marks = ", ".join("?" for _ in names)
        con.executemany(
            f"insert into audit.load_audit ({', '.join(names)}) values ({marks})", [list(row.values()) for row in rows]
        )
    con.execute("create or replace table quarantine._rejected_row (" + REJECTED_ROW_SQL + ")")
    for manifest in manifests:
        if path := lake.rejected(manifest):
            con.execute(
                "insert into quarantine._rejected_row select $1, $2, $3, * from read_parquet($4)",
                [manifest.source_system, manifest.table_name, manifest.load_id, path],
            )
    con.execute("commit")
