"""Schema drift (SPEC S1.5): what changed in a table's columns since its last load, and what the policy makes of it."""

from __future__ import annotations

from orchestration.company import DriftPolicy
from orchestration.errors import RegularsError
from orchestration.landing.lake import Drift


def compare(before: dict[str, str], now: dict[str, str]) -> Drift:
    """Differences between two sets of columns (name → DuckDB type).

    A column that is gone and a new one of the same type at the same place are reported as a rename.
    """
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
