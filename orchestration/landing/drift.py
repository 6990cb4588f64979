"""Schema drift: what changed in a table's columns since its last load, and what the policy makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestration.config.company import DriftPolicy
from orchestration.connectors.files import column_key
from orchestration.landing.lake import Drift
from orchestration.platform.errors import ConfigError, RegularsError


def compare(before: dict[str, str], now: dict[str, str]) -> Drift:
    """Differences between two sets of columns (name → DuckDB type); case and ways to write an accent are no difference.

    A column that is gone and a new one of the same type at the same place are reported as a rename.
    """
    spelled = {column_key(name): name for name in before}
    now = {spelled.get(column_key(name), name): kind for name, kind in now.items()}
    added = {name: kind for name, kind in now.items() if name not in before}
    missing = {name: kind for name, kind in before.items() if name not in now}
    places_before, places_now = list(before), list(now)
    renamed = {
        old: new
        for old, kind in missing.items()
        for new in added
        if added[new] == kind and places_before.index(old) == places_now.index(new)
    }
    return Drift(
        added={name: kind for name, kind in added.items() if name not in renamed.values()},
        missing={name: kind for name, kind in missing.items() if name not in renamed},
        retyped={name: (before[name], kind) for name, kind in now.items() if before.get(name, kind) != kind},
        renamed=renamed,
    )


def judge(system: str, table: str, policy: DriftPolicy, before: dict[str, str] | None, now: dict[str, str]) -> Drift:
    """What a load's columns differ in, after the source's policy.

    Args:
        system: source system.
        table: its table.
        policy: evolve lands everything; discard leaves new columns out; freeze refuses any difference.
        before: columns of the load before; None for the first.
        now: columns of the source.

    Raises:
        RegularsError: the policy is freeze and there is a difference; says which.
    """
    if before is None:
        return Drift()
    drift = compare(before, now)
    if drift and policy == "freeze":
        raise RegularsError(
            f"source {system}, table {table}: its columns changed and drift is freeze: {drift}",
            "Mend the source, or accept the change with drift: evolve in the source's YAML",
        )
    if policy == "discard":
        # What is left out is new to every load, so it is not named as new again.
        new = (*drift.added, *drift.renamed.values())
        gone = drift.missing | {old: before[old] for old in drift.renamed}
        drift = Drift(missing=gone, retyped=drift.retyped, discarded=new)
    return drift


def check_files(
    place: str,
    headers: Mapping[str, Sequence[str]],
    columns: dict[str, str],
    needed: Sequence[str],
    check: Callable[[dict[str, str]], None],
) -> None:
    """Whether every file of a load by itself has the columns that the maps need: together they would hide what is gone.

    Args:
        place: source and table, for the message.
        headers: columns by file.
        columns: all columns, with DuckDB types.
        needed: columns that the table's own settings name.
        check: raises where the maps cannot do with some columns.

    Raises:
        ConfigError: a file lacks one; says which file and column, and what it may be called now.
    """
    seen: set[frozenset[str]] = set()
    for name, header in headers.items():
        own = {column_key(column) for column in header}
        if frozenset(own) in seen:
            continue
        seen.add(frozenset(own))
        here = {column: kind for column, kind in columns.items() if column_key(column) in own}
        try:
            for column in needed:
                if column_key(column) not in own:
                    raise RegularsError(f"the table's settings name the column '{column}'")
            check(here)
        except RegularsError as error:
            others = [other for other in headers.values() if {column_key(column) for column in other} != own]
            common = {column_key(column) for other in others for column in other} or {column_key(c) for c in columns}
            new = [column for column in header if column_key(column) not in common]
            told = f"; new in it: {', '.join(new)}" if new else ""
            raise ConfigError(
                f"{place}, file {name}: lacks a column that is needed: {error.message}{told}",
                "Have the file written with the column's usual name; or, if files may lack it, name it in may_lack of "
                "the table: coalesce(old, new) in the map reads a column that was renamed",
            ) from error
