"""Load changed source tables into the lake; tables that did not change add nothing."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.config.company import CompanyConfig, Load
from orchestration.connectors.base import RESERVED, WHOLE, Connector, NoFile, Part, Unreachable
from orchestration.connectors.files import column_key
from orchestration.connectors.registry import connect
from orchestration.landing.drift import check_files, judge
from orchestration.landing.lake import Delivery, Erased, Lake, Manifest, last_whole
from orchestration.platform.clock import naive_utc
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import exact_path, quote, quote_name
from orchestration.platform.state import State

TableId = tuple[str, str]


def table_ids(config: CompanyConfig) -> list[TableId]:
    """(system, table) of every configured table."""
    return [(system, table) for system, source in config.sources.items() for table in source.tables]


def wanted_tables(config: CompanyConfig, known: Iterable[TableId], include: Iterable[TableId] = ()) -> list[TableId]:
    """Tables that a refresh looks at: optional ones only if they were ever loaded, or are asked for now."""
    asked = {*known, *include}
    return [t for t in table_ids(config) if t in asked or not config.sources[t[0]].tables[t[1]].optional]


def changed_tables(config: CompanyConfig, known: dict[TableId, dict[str, Any]]) -> list[TableId]:
    """Tables whose cheap stamp differs from what was landed last. Reads no content, writes nothing."""
    changed = []
    for system, table in wanted_tables(config, known):
        before = known.get((system, table))
        try:
            stamp = connect(config.sources[system].as_system()).stamp(table)
        except NoFile:
            if is_cleared_outbox(config, system, table, before):
                continue
            raise
        if before is None or any(before.get(k) != v for k, v in stamp.items()):
            changed.append((system, table))
    return changed


def is_cleared_outbox(config: CompanyConfig, system: str, table: str, before: dict[str, Any] | None) -> bool:
    """Whether a table without files is one whose files were taken and cleared away."""
    return before is not None and config.sources[system].tables[table].load.mode == "files"


def same_content(before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
    """Whether two fingerprints hold the same content, whatever the files' names and times."""
    return before is not None and before.get("hashes") == now.get("hashes")


@dataclass(frozen=True)
class LoadRequest:
    """What a refresh asks of the load step.

    Args:
        load_id: name shared by the loads of one refresh.
        now: the refresh's time.
        again: span of the cursor, as text, that incremental tables read again (backfill): from, and to but without.
        check: called with system, table and columns before changed columns, or files whose columns differ, are
            landed; raises where a map needs what is gone.
        patience: seconds waited before each further try of a system that does not answer.
        said: called with a table's name and what a user should know while it is loaded.
        erase: takes forgotten persons out of a load, given system, table, folder and columns, before it is committed.
    """

    load_id: str
    now: dt.datetime
    again: tuple[str, str] | None = None
    check: Callable[[str, str, dict[str, str]], None] = lambda *_: None
    patience: tuple[float, ...] = (1, 4, 16)
    said: Callable[[str, str], None] = lambda *_: None
    erase: Callable[[str, str, Path, dict[str, str]], Erased] = lambda *_: Erased()


def part_of(load: Load, before: dict[str, Any] | None, fingerprint: dict[str, Any], request: LoadRequest) -> Part:
    """What of a table a load has to read."""
    match load.mode:
        case "incremental" if request.again:
            return Part(cursor=load.cursor, since=request.again[0], until=request.again[1])
        case "incremental":
            return Part(cursor=load.cursor, since=(before or {}).get("watermark"), lag=load.lag_amount)
        case "files":
            landed = set((before or {}).get("landed", []))
            pairs = zip(fingerprint["files"], fingerprint["hashes"], strict=True)
            return Part(files=tuple(file[0] for file, content in pairs if content not in landed))
        case _:
            return WHOLE


def with_memory(load: Load, before: dict[str, Any] | None, fingerprint: dict[str, Any]) -> dict[str, Any]:
    """A fingerprint with what later loads must know: the watermark, or the contents that were landed."""
    known = before or {}
    if load.mode == "incremental":
        return fingerprint | {"watermark": known.get("watermark")}
    if load.mode == "files":
        return fingerprint | {"landed": sorted({*known.get("landed", []), *fingerprint["hashes"]})}
    return fingerprint


def load_table(
    config: CompanyConfig, lake: Lake, state: State, table_id: TableId, request: LoadRequest
) -> Manifest | None:
    """Land what is new of one table; returns None where nothing is.

    The lake is the memory: where the state was lost, the newest manifest's fingerprint stands in.

    Raises:
        RegularsError: the source cannot be read, or its columns changed and the policy forbids it.
    """
    system, table = table_id
    source = config.sources[system]
    connector, load = connect(source.as_system()), source.tables[table].load
    before = state.fingerprints().get(table_id)
    try:
        fingerprint = connector.fingerprint(table)
    except NoFile:
        if is_cleared_outbox(config, system, table, before):
            return None
        raise
    again = request.again is not None and load.mode == "incremental"
    remembered = with_memory(load, before, fingerprint)
    if same_content(before, fingerprint) and not again:
        if before != remembered:
            state.set_fingerprint(system, table, remembered, request.load_id)
        return None
    part = part_of(load, before, fingerprint, request)
    rows = connector.count(table, part)
    newest = lake.newest(system, table)
    deletes = source.tables[table].deletes and newest is not None and not again
    if newest and rows == 0 and not part.is_whole and not deletes:
        state.set_fingerprint(system, table, remembered, request.load_id)
        return None
    columns = connector.columns(table)
    if taken := [name for name in columns if name.lower() in RESERVED]:
        raise RegularsError(
            f"source {system}, table {table}: column {taken[0]} has a name that the lake needs for itself",
            "Give the column another name, in the source's view or query or in format.columns",
        )
    if load.cursor and load.cursor not in columns:
        raise RegularsError(
            f"{config.source_file(system)}: key 'tables.{table}.load.cursor': value '{load.cursor}': no such column",
            f"Columns of the table: {', '.join(columns)}",
        )
    headers = connector.headers(table, part)
    landing = landed_columns(columns, headers, source.tables[table].may_lack)
    drift = judge(system, table, source.drift_of(table), newest.columns if newest else None, landing)

    def check(found: dict[str, str]) -> None:
        found = {name: kind for name, kind in found.items() if name not in drift.discarded}
        request.check(system, table, landed_columns(found, {}, source.tables[table].may_lack))

    if newest or len({frozenset(column_key(name) for name in header) for header in headers.values()}) > 1:
        needed = [name for name in source.tables[table].key if name not in source.tables[table].may_lack]
        check_files(f"source {system}, table {table}", headers, columns, needed, check)
    if drift:
        check(landing)
    manifest = lake.write(
        system,
        table,
        request.load_id,
        naive_utc(request.now).isoformat(sep=" "),
        Delivery(
            lambda con: only_columns(connector.read(con, table, part), columns, landing),
            rows,
            remembered,
            load.cursor,
            bool(newest) and not part.is_whole,
            drift,
            connector.rejected,
            keys_gone(lake, connector, table_id, source.tables[table].key, part) if deletes else None,
            lambda folder, found: request.erase(system, table, folder, found),
        ),
    )
    if manifest is None:
        state.set_fingerprint(system, table, remembered, request.load_id)
        return None
    for note in connector.notes(table, part):
        request.said(f"{system}.{table}", note)
    state.put_load_audit([manifest.audit()])
    state.set_fingerprint(system, table, manifest.fingerprint, request.load_id)
    return manifest


def landed_columns(columns: dict[str, str], headers: dict[str, list[str]], may_lack: tuple[str, ...]) -> dict[str, str]:
    """Columns of a load: those that some of its files has, and those that all may lack."""
    own = {column_key(name) for header in headers.values() for name in header}
    found = {name: kind for name, kind in columns.items() if column_key(name) in own} if own else dict(columns)
    known = {column_key(name) for name in found}
    kinds = {column_key(name): kind for name, kind in columns.items()}
    return found | {name: kinds.get(column_key(name), "VARCHAR") for name in may_lack if column_key(name) not in known}


def only_columns(rows: str, columns: dict[str, str], landing: dict[str, str]) -> str:
    """SQL of rows with a load's columns alone: files that the load does not read may have others."""
    if list(columns) == list(landing):
        return rows
    known = {column_key(name) for name in columns}
    chosen = [
        quote_name(name) if column_key(name) in known else f"null::{kind} as {quote_name(name)}"
        for name, kind in landing.items()
    ]
    return f"select {', '.join((*chosen, '_source_file', '_source_row'))} from ({rows})"


def keys_gone(
    lake: Lake, connector: Connector, table_id: TableId, key: tuple[str, ...], part: Part
) -> Callable[[duckdb.DuckDBPyConnection, Path], str]:
    """SQL of keys that the lake has and the source has no more; a whole load is its own list of what is there."""

    def gone(con: duckdb.DuckDBPyConnection, landed: Path) -> str:
        loads = lake.loads(*table_id)
        known = lake.current(loads[last_whole(loads) :], key)
        there = (
            f"read_parquet({quote(exact_path(landed))})" if part.is_whole else f"({connector.read(con, table_id[1])})"
        )
        names = ", ".join(quote_name(name) for name in key)
        return f"select {names} from ({known}) except select {names} from {there}"

    return gone


def load_patiently(
    config: CompanyConfig, lake: Lake, state: State, table_id: TableId, request: LoadRequest
) -> Manifest | None:
    """Land a table; a system that does not answer is asked again, ever later.

    Raises:
        Unreachable: it did not answer the last time either.
    """
    for delay in request.patience:
        try:
            return load_table(config, lake, state, table_id, request)
        except Unreachable as error:
            request.said(".".join(table_id), f"{error.message}; tried again in {delay:g} s")
            time.sleep(delay)
    return load_table(config, lake, state, table_id, request)


def load_tables(
    config: CompanyConfig,
    lake: Lake,
    state: State,
    tables: Iterable[TableId],
    request: LoadRequest,
    done: Callable[[TableId, Manifest | None], None],
) -> None:
    """Land tables side by side; stops at the first error after the running ones have ended.

    Args:
        config: the company.
        lake: where loads go.
        state: fingerprints and audits.
        tables: (system, table) to look at.
        request: what is asked for.
        done: called for each table as it ends, with its manifest, or None where nothing was new.
    """
    with ThreadPoolExecutor(max_workers=config.company.resources.threads or 2) as pool:
        futures = {pool.submit(load_patiently, config, lake, state, t, request): t for t in tables}
        try:
            for future in as_completed(futures):
                done(futures[future], future.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
