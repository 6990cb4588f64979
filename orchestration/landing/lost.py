"""Loads that were committed once and are not in the lake any more as they were: found, named, loaded again or missed.

The state's books know every load. A load that is gone, has lost its manifest or holds other rows than it should is
loaded again where its source still has all of it; otherwise the refresh stops, since a warehouse made from what is left
would publish less without a word.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.connectors.registry import connect
from orchestration.landing.lake import (
    MANIFEST,
    OWN,
    PART,
    REJECTED_PART,
    Erased,
    Lake,
    Manifest,
    commit,
    read_manifest,
    rows_of,
)
from orchestration.landing.load import LoadRequest, TableId, part_of, same_content
from orchestration.platform.clock import moment_of, stamp
from orchestration.platform.durable import move
from orchestration.platform.errors import RegularsError
from orchestration.platform.state import DAMAGED, State


@dataclass(frozen=True)
class Lost:
    """A load that is not as it was committed.

    Args:
        system: source system.
        table: its table.
        load_id: the load.
        why: what is wrong with it.
        rows: that it held; None where nobody knows.
    """

    system: str
    table: str
    load_id: str
    why: str
    rows: int | None = None

    def __str__(self) -> str:
        held = f" ({self.rows:,} rows)" if self.rows is not None else ""
        return f"load {self.load_id} of {self.system}.{self.table}{held}: {self.why}"


@dataclass(frozen=True)
class Found:
    """The lake as it is: loads that are whole, loads that are lost, and folders of loads that never were committed."""

    sound: list[Manifest]
    lost: list[Lost]
    unfinished: list[Path]

    def of(self, table: TableId) -> list[Lost]:
        """What of a table is lost, oldest first."""
        return [lost for lost in self.lost if (lost.system, lost.table) == table]

    def newest(self, table: TableId) -> Manifest | None:
        """A table's newest load that is whole."""
        own = [m for m in self.sound if (m.source_system, m.table_name) == table]
        return max(own, key=lambda m: m.load_id, default=None)


@dataclass(frozen=True)
class Recovered:
    """What a recovery did.

    Args:
        said: sentences on loads that were lost.
        removed: folders of loads that were never committed, which were deleted.
    """

    said: list[str]
    removed: int


def look(lake: Lake, state: State, deep: bool = False) -> Found:
    """Compare the lake with the state's books. Writes nothing.

    Args:
        lake: the loads.
        state: the books.
        deep: compare whole files with their checksums.
    """
    known = {(r["source_system"], r["table_name"], r["load_id"]): int(r["rows_landed"]) for r in state.known_loads()}
    has_books = bool(known)
    found = Found([], [], [])
    pruned = lake.pruned()
    for folder in lake.folders():
        key = (folder.parent.parent.name, folder.parent.name, folder.name)
        rows = known.pop(key, None)
        if key in pruned or (not (folder / MANIFEST).exists() and rows is None and (has_books or not is_whole(folder))):
            if key in pruned or moment_of(folder.name):  # a folder with another name is nothing of the product's
                found.unfinished.append(folder)
            continue
        try:
            manifest = read_manifest(folder / MANIFEST)
            if (manifest.source_system, manifest.table_name, manifest.load_id) != key:
                raise RegularsError(f"{folder}: its manifest is another load's")
            problem = lake.problem(manifest, deep)
        except RegularsError as error:
            gone = "its manifest is gone" if not (folder / MANIFEST).exists() else error.message
            found.lost.append(Lost(*key, gone, rows))
            continue
        if problem:
            found.lost.append(Lost(*key, problem, manifest.rows_landed))
        else:
            found.sound.append(manifest)
    found.lost.extend(Lost(*key, "is gone from the lake", rows) for key, rows in known.items() if key not in pruned)
    found.sound.sort(key=lambda m: (m.load_id, m.source_system, m.table_name))
    found.lost.sort(key=lambda lost: (lost.load_id, lost.system, lost.table))
    return found


def is_whole(folder: Path) -> bool:
    """Whether a folder without a manifest holds a whole Parquet file: with the books lost, too, it may be a load."""
    with contextlib.suppress(OSError, pa.ArrowException):
        return rows_of(folder / PART) > 0
    return False


def why_not_again(config: CompanyConfig, state: State, found: Found, table: TableId, now: dt.datetime) -> str | None:
    """Why what is lost of a table cannot be loaded again; None where its source has all of it."""
    system, name = table
    lost, newest = found.of(table), found.newest(table)
    if system == OWN:
        return "it holds what the product itself must remember, which no source has"
    if system not in config.sources or name not in config.sources[system].tables:
        return "its table is in no source of the company any more"
    if newest and newest.load_id > lost[0].load_id:
        return "younger loads of its table are there, and the source may have changed in between"
    load = config.sources[system].tables[name].load
    before = state.fingerprints().get(table)
    try:
        connector = connect(config.sources[system].as_system())
        fingerprint = connector.fingerprint(name)
        if load.mode == "files":
            missing = set((before or {}).get("landed", [])) - set(
                newest.fingerprint.get("landed", []) if newest else ()
            )
            gone = len(missing - set(fingerprint["hashes"]))
            return f"{gone} of its files are gone from the source" if gone or before is None else None
        if load.mode == "incremental":
            part = part_of(load, newest.fingerprint if newest else None, fingerprint, LoadRequest("", now))
            rows, wanted = connector.count(name, part), sum(entry.rows or 0 for entry in lost)
            return f"the source has {rows:,} rows of it" if rows is not None and rows < wanted else None
    except RegularsError as error:
        return f"its source cannot be read: {error.message}"
    if len(lost) > 1 or not same_content(before, fingerprint):
        return "the source holds something else by now"
    return None


def clear_leftovers(lake: Lake, found: Found) -> None:
    """Delete what was killed before its commit, and files of a rewriting that never took their place."""
    for folder in found.unfinished:
        shutil.rmtree(folder)
    for manifest in found.sound:
        folder = lake.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        for leftover in folder.rglob("*.tmp"):
            leftover.unlink()


def set_aside(lake: Lake, load: tuple[str, str, str], aside: Path, moment: str) -> None:
    """Move what is left of a load out of the lake; nothing is deleted."""
    folder = lake.folder(*load)
    if folder.exists():
        move(folder, aside / f"lake-{moment}" / Path(*load))


def start_over(
    config: CompanyConfig, lake: Lake, state: State, found: Found, table: TableId, aside: Path, now: str
) -> None:
    """Have the next load of a table bring what was lost, as far as the source still has it."""
    newest, first_lost = found.newest(table), found.of(table)[0]
    if newest is None or newest.load_id < first_lost.load_id:
        if newest:
            state.set_fingerprint(*table, newest.fingerprint, newest.load_id)
        else:
            state.forget_fingerprint(*table)
        return
    spec = config.sources[table[0]].tables[table[1]]
    if spec.load.mode not in ("incremental", "files"):
        return  # the younger load holds the whole table
    state.forget_fingerprint(*table)
    if not spec.key:  # rows that have no key would count twice
        for manifest in [m for m in found.sound if (m.source_system, m.table_name) == table]:
            load = (manifest.source_system, manifest.table_name, manifest.load_id)
            set_aside(lake, load, aside, now)
            state.forget_loads([load])


def recover(
    config: CompanyConfig, lake: Lake, state: State, now: dt.datetime, accept_loss: bool = False, deep: bool = False
) -> Recovered:
    """Make lake and books agree after a kill or damage; call with the company's lock, before anything is loaded.

    A load that was committed but not yet noted is noted now, so that it is not landed again.

    Args:
        config: the company.
        lake: its loads.
        state: its books.
        now: the refresh's time.
        accept_loss: go on without what cannot be loaded again.
        deep: compare whole files with their checksums.

    Raises:
        RegularsError: a load is lost and its source does not have all of it any more; names load and reason.
    """
    found = look(lake, state, deep)
    tables = list(dict.fromkeys((lost.system, lost.table) for lost in found.lost))
    reasons = {table: why_not_again(config, state, found, table, now) for table in tables}
    missed = [(lost, reasons[lost.system, lost.table]) for lost in found.lost if reasons[lost.system, lost.table]]
    if missed and not accept_loss:
        lost, reason = missed[0]
        more = f", and {len(missed) - 1} more load(s)" if len(missed) > 1 else ""
        raise RegularsError(
            f"{lost}; it cannot be loaded again, since {reason}{more}",
            "Put a backup back with: regulars restore FILE --replace; or do without what is lost, and publish what is "
            "left, with: regulars refresh --accept-loss",
        )
    said = []
    if found.lost:  # the warehouse may hold rows that the lake has no more
        state.set_fact(DAMAGED, "warehouse.duckdb")
    for lost in found.lost:
        reason = reasons[lost.system, lost.table]
        set_aside(lake, (lost.system, lost.table, lost.load_id), config.paths.aside, stamp(now))
        said.append(f"{lost}; " + (f"done without it, since {reason}" if reason else "its table is loaded again"))
    for table in tables:
        if table[0] in config.sources and table[1] in config.sources[table[0]].tables:
            start_over(config, lake, state, found, table, config.paths.aside, stamp(now))
    state.forget_loads((lost.system, lost.table, lost.load_id) for lost in found.lost)
    clear_leftovers(lake, found)
    state.forget_loads(lake.pruned())
    note_loads(lake, state)
    return Recovered(said, len(found.unfinished))


def settle_erasure(lake: Lake) -> None:
    """Give loads whose files an erasure had rewritten when it was killed the manifests that go with them.

    Only while an erasure goes on: it alone may make a load smaller than its manifest says.
    """
    for folder in lake.folders():
        if not (folder / MANIFEST).exists():
            continue
        manifest = read_manifest(folder / MANIFEST)
        if not lake.problem(manifest):
            continue
        with contextlib.suppress(OSError, pa.ArrowException):  # what is damaged is for `recover` to tell
            erased = Erased(
                deleted=manifest.rows_landed - rows_of(folder / PART),
                rejected=manifest.rows_rejected - rows_of(folder / REJECTED_PART),
            )
            if min(erased.deleted, erased.rejected) >= 0:
                commit(folder, manifest.without(erased, folder))


def note_loads(lake: Lake, state: State) -> None:
    """Write what the lake holds into the books."""
    manifests = lake.manifests()
    state.put_load_audit(m.audit() for m in manifests)
    newest = {(m.source_system, m.table_name): m for m in manifests}
    noted = {(row["system"], row["table_name"]): row["load_id"] for row in state.rows("select * from source_table")}
    for table_id, manifest in newest.items():
        if noted.get(table_id, "") < manifest.load_id:
            state.set_fingerprint(*table_id, manifest.fingerprint, manifest.load_id)
