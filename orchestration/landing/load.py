"""Load changed source tables into the lake; tables that did not change add nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from orchestration.clock import naive_utc
from orchestration.company import CompanyConfig
from orchestration.connectors.registry import connect
from orchestration.landing.lake import Lake, Manifest
from orchestration.state import State

TableId = tuple[str, str]


def table_ids(config: CompanyConfig) -> list[TableId]:
    """(system, table) of every configured table."""
    return [(system, table) for system, source in config.sources.items() for table in source.tables]


def changed_tables(config: CompanyConfig, known: dict[TableId, dict[str, Any]]) -> list[TableId]:
    """Tables whose cheap stamp differs from what was landed last. Reads no content, writes nothing."""
    changed = []
    for system, source in config.sources.items():
        connector = connect(source)
        for table in source.tables:
            before = known.get((system, table))
            if before is None or any(before.get(k) != v for k, v in connector.stamp(table).items()):
                changed.append((system, table))
    return changed


def same_content(before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
    """Whether two fingerprints hold the same content, whatever the files' names and times."""
    return before is not None and before.get("hashes") == now.get("hashes")


def load_table(
    config: CompanyConfig, lake: Lake, state: State, table_id: TableId, load_id: str, now: dt.datetime
) -> Manifest | None:
    """Land one table if its content changed; returns None where it did not.

    The lake is the memory: where the state was lost, the newest manifest's fingerprint stands in.
    """
    system, table = table_id
    connector = connect(config.sources[system])
    fingerprint = connector.fingerprint(table)
    before = state.fingerprints().get(table_id)
    if same_content(before, fingerprint):
        if before != fingerprint:
            state.set_fingerprint(system, table, fingerprint, load_id)
        return None
    loaded_at = naive_utc(now).isoformat(sep=" ")
    manifest = lake.write(system, table, load_id, loaded_at, connector.read(table), connector.count(table), fingerprint)
    state.put_load_audit([manifest.audit()])
    state.set_fingerprint(system, table, fingerprint, load_id)
    return manifest


def load_tables(
    config: CompanyConfig,
    lake: Lake,
    state: State,
    tables: Iterable[TableId],
    load_id: str,
    now: dt.datetime,
    done: Callable[[TableId, Manifest | None], None],
) -> None:
    """Land tables side by side; stops at the first error after the running ones have ended.

    Args:
        config: the company.
        lake: where loads go.
        state: fingerprints and audits.
        tables: (system, table) to look at.
        load_id: name shared by the loads of one refresh.
        now: the refresh's time.
        done: called for each table as it ends, with its manifest, or None where nothing was new.
    """
    with ThreadPoolExecutor(max_workers=config.company.resources.threads or 2) as pool:
        futures = {pool.submit(load_table, config, lake, state, t, load_id, now): t for t in tables}
        try:
            for future in as_completed(futures):
                done(futures[future], future.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def recover(lake: Lake, state: State) -> int:
    """Make the state agree with the lake after a kill; returns how many half-written loads were removed.

    A load that was committed but not yet noted is noted now, so that it is not landed again.
    """
    removed = lake.remove_uncommitted()
    manifests = lake.manifests()
    state.put_load_audit(m.audit() for m in manifests)
    newest = {(m.source_system, m.table_name): m for m in manifests}
    noted = {(row["system"], row["table_name"]): row["load_id"] for row in state.rows("select * from source_table")}
    for table_id, manifest in newest.items():
        if noted.get(table_id, "") < manifest.load_id:
            state.set_fingerprint(*table_id, manifest.fingerprint, manifest.load_id)
    return removed
