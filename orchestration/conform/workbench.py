"""What waits in quarantine: by reason, and row by row with the raw record."""

from __future__ import annotations

from typing import Any

import duckdb

from orchestration.conform.casting import REASONS
from orchestration.errors import UsageError


def quarantined_entities(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Entities that have a quarantine table."""
    rows = con.execute("select table_name from duckdb_tables() where schema_name = 'quarantine' order by 1").fetchall()
    return [row[0] for row in rows]


def by_reason(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """One row per entity, source, reason and column: how many rows wait, an example, and what it means."""
    found: list[dict[str, Any]] = []
    for entity in quarantined_entities(con):
        rows = con.execute(
            f"""
            select source_system, reason_code, column_name, count(*) as n, min(value), max(quarantined_at)
            from quarantine.{entity} group by 1, 2, 3 order by n desc, 1, 2, 3
            """
        ).fetchall()
        found += [
            {
                "entity": entity,
                "source": row[0],
                "reason": row[1],
                "column": row[2],
                "rows": row[3],
                "example": row[4],
                "meaning": REASONS[row[1]],
            }
            for row in rows
        ]
    return found


def rows_of(con: duckdb.DuckDBPyConnection, entity: str, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Rows that wait, newest load first, in the source's order.

    Args:
        con: the warehouse.
        entity: input entity.
        reason: only this reason code.
        limit: at most this many; 0 means all.

    Raises:
        UsageError: no such entity or reason code.
    """
    known = quarantined_entities(con)
    if entity not in known:
        raise UsageError(f"no entity '{entity}'", f"Entities: {', '.join(known) or 'none yet; run: regulars refresh'}")
    if reason is not None and reason not in REASONS:
        raise UsageError(f"no reason code '{reason}'", f"Reason codes: {', '.join(REASONS)}")
    cursor = con.execute(
        f"""
        select source_system as source, reason_code as reason, column_name as "column", value,
          _source_file as file, _source_row as row, record_key as key, raw_record as record, _load_id as load_id
        from quarantine.{entity}
        where $reason is null or reason_code = $reason
        order by _load_id desc, _source_file nulls last, _source_row nulls last, record_key, column_name
        limit $limit
        """,
        {"reason": reason, "limit": limit or 2**62},
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
