"""A source system of any kind in a test, read as the lake would read it."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb

from orchestration.config.company import Source
from orchestration.connectors.base import WHOLE, Connector, Part
from orchestration.connectors.registry import connect
from orchestration.connectors.rejects import REASONS


class Taken(NamedTuple):
    """What a read gave."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    numbers: list[int]
    rejected: list[dict[str, Any]]


def connector_of(connector: dict[str, Any], tables: dict[str, Any] | None = None) -> Connector:
    """The connector of a configuration as it stands in YAML."""
    source = Source.model_validate(
        {"system": "house", "timezone": "UTC", "connector": connector, "tables": tables or {"t": None}}
    )
    return connect(source.as_system())


def take(connector: Connector, table: str = "t", part: Part = WHOLE) -> Taken:
    """Read a table to its end; its count, where it has one, must agree."""
    with duckdb.connect() as con:
        cursor = con.execute(connector.read(con, table, part))
        names = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall()
        rejected = connector.rejected(con).to_pylist()
    own = [i for i, name in enumerate(names) if name not in {"_source_file", "_source_row"}]
    assert {row["reason_code"] for row in rejected} <= REASONS.keys()
    counted = connector.count(table, part)
    assert counted is None or counted == len(rows) + len(rejected)
    return Taken(
        [names[i] for i in own],
        [tuple(row[i] for i in own) for row in rows],
        [row[names.index("_source_row")] or place for place, row in enumerate(rows, start=1)],
        rejected,
    )
