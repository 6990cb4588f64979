"""Exports that overlap: of an order that several files hold, the newest file's lines count."""

from __future__ import annotations

from orchestration.authoring.naming import expression
from orchestration.authoring.profile import Profile


def one_export_each(profile: Profile, key: str) -> tuple[str, list[str]]:
    """The table, or of orders that several of its files hold the newest file's lines; and what was found."""
    name = profile.relation
    shared, fewer = profile.all(
        "select count(*), count(*) filter (newest < most) from (select k, max(n) as most, arg_max(n, f) as newest "
        f"from (select {key} as k, _source_file as f, count(*) as n from rows where {key} is not null "
        "group by 1, 2) group by k having count(*) > 1)"
    )[0]
    if not shared:
        return name, []
    lines = ", ".join(expression(c) for c in profile.columns)
    repeated = profile.one(
        f"count(*) from (select 1 from rows where {key} is not null group by {key}, {lines} "
        "having count(distinct _source_file) > 1) --"
    )
    if not repeated:
        return name, [f"{shared:,} orders go on from one file to the next: all their lines are taken"]
    note = (
        f"{shared:,} orders are in several files: the last file's lines are taken (files in the order of their names)"
    )
    if fewer:
        note += f"; {fewer:,} of them have fewer lines there"
    return f"(select * from {name} qualify _source_file = max(_source_file) over (partition by {key}))", [note]
