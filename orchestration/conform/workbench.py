"""What waits in quarantine: by reason, and row by row with the raw record."""

from __future__ import annotations

from typing import Any

import duckdb

from orchestration.config.contracts import Contract
from orchestration.conform.casting import REASONS
from orchestration.conform.corrections import Correction
from orchestration.connectors import rejects
from orchestration.platform.errors import UsageError

REJECTED_ROW = "_rejected_row"


def quarantined_entities(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Entities that have a quarantine table."""
    rows = con.execute("select table_name from duckdb_tables() where schema_name = 'quarantine' order by 1").fetchall()
    return [row[0] for row in rows if row[0] != REJECTED_ROW]


def has_rejected(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the warehouse knows of rejected rows: it does after its first refresh."""
    found = con.execute(
        "select 1 from duckdb_tables() where schema_name = 'quarantine' and table_name = $1", [REJECTED_ROW]
    ).fetchone()
    return found is not None


def rejected_by_reason(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """One row per source table and reason: rows that could not even be read from their file."""
    if not has_rejected(con):
        return []
    rows = con.execute(
        f"""
        select source_system, table_name, reason_code, column_name, count(*), min(left(raw_record, 60))
        from quarantine.{REJECTED_ROW} group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4
        """
    ).fetchall()
    return [
        {
            "entity": f"({row[1]})",
            "source": row[0],
            "reason": row[2],
            "column": row[3],
            "rows": row[4],
            "example": row[5],
            "meaning": rejects.REASONS.get(row[2], rejects.REASONS[rejects.NOT_READABLE]),
        }
        for row in rows
    ]


def rejected_rows(con: duckdb.DuckDBPyConnection, table: str, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Rejected rows of a source table, newest load first: file, line, and the record as it stands there."""
    if not has_rejected(con):
        return []
    cursor = con.execute(
        f"""
        select source_system as source, reason_code as reason, column_name as "column", _source_file as file,
          _source_row as row, raw_record as record, load_id
        from quarantine.{REJECTED_ROW}
        where table_name = $table and ($reason is null or reason_code = $reason)
        order by load_id desc, file, row limit $limit
        """,
        {"table": table, "reason": reason, "limit": limit or 2**62},
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


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
    return found + rejected_by_reason(con)


def rows_of(con: duckdb.DuckDBPyConnection, entity: str, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Rows that wait, newest load first, in the source's order.

    Args:
        con: the warehouse.
        entity: input entity; `(table)` for lines of a source table that could not be read.
        reason: only this reason code.
        limit: at most this many; 0 means all.

    Raises:
        UsageError: no such entity or reason code.
    """
    known = quarantined_entities(con)
    if entity.startswith("(") and entity.endswith(")"):
        return rejected_rows(con, entity[1:-1], reason, limit)
    if entity not in known:
        raise UsageError(f"no entity '{entity}'", f"Entities: {', '.join(known) or 'none yet; run: regulars refresh'}")
    if reason is not None and reason not in REASONS:
        raise UsageError(f"no reason code '{reason}'", f"Reason codes: {', '.join(REASONS)}")
    cursor = con.execute(
        f"""
        select source_system as source, reason_code as reason, column_name as "column", value,
          row_id, _source_file as file, _source_row as row, record_key as key, raw_record as record,
          _load_id as load_id
        from quarantine.{entity}
        where $reason is null or reason_code = $reason
        order by _load_id desc, _source_file nulls last, _source_row nulls last, record_key, column_name
        limit $limit
        """,
        {"reason": reason, "limit": limit or 2**62},
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def corrections_of(
    con: duckdb.DuckDBPyConnection, contract: Contract, wanted: list[tuple[str, str, str | None]]
) -> list[Correction]:
    """Corrections of rows that wait, bound to their source systems.

    Args:
        con: the warehouse.
        contract: the entity.
        wanted: (row id, input column, value) each.

    Raises:
        UsageError: no such row waits, or the entity has no such column.
    """
    systems: dict[str, set[str]] = {}
    for row_id, system in con.execute(
        f"select distinct row_id, source_system from quarantine.{contract.entity}"
    ).fetchall():
        systems.setdefault(row_id, set()).add(system)
    found = []
    for row_id, column, value in wanted:
        if row_id not in systems:
            raise UsageError(
                f"no row '{row_id}' of {contract.entity} is in quarantine",
                f"See row_id in: regulars quarantine show {contract.entity}",
            )
        if column not in contract.columns:
            raise UsageError(f"{contract.entity} has no column '{column}'", f"Columns: {', '.join(contract.columns)}")
        found += [Correction(s, contract.entity, row_id, column, value or None) for s in sorted(systems[row_id])]
    return found


def waiting(con: duckdb.DuckDBPyConnection, entity: str) -> dict[str, str]:
    """Row id → what is wrong with it, of the rows that wait."""
    rows = con.execute(
        f"select row_id, reason_code || ': ' || column_name || coalesce(' = ' || value, '') from quarantine.{entity}"
    ).fetchall()
    return dict(rows)
