"""What a source gives, before anything is loaded: its tables, rows as received, and rows as a map makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.company import CompanyConfig
from orchestration.conform.casting import numbered
from orchestration.conform.mapping import Mapping, candidate_sql
from orchestration.connectors.base import Connector
from orchestration.connectors.registry import connect
from orchestration.errors import RegularsError, UsageError
from orchestration.literals import quote_name

SAMPLE = 10_000  # rows of each table that a preview of a map looks at


@dataclass(frozen=True)
class Tried:
    """A table that was tried: its columns and rows, or why it cannot be read."""

    system: str
    table: str
    rows: int | None
    columns: int
    error: str | None
    rejected: int = 0

    def row(self) -> dict[str, Any]:
        """For a table on the screen."""
        state = "failed" if self.error else "ok"
        known = "" if self.error or self.rows is None else f"{self.rows:,}"
        known += f", and {self.rejected:,} rejected" if self.rejected else ""
        return {"state": state, "system": self.system, "table": self.table, "columns": self.columns or "",
                "rows": known, "error": self.error or ""}  # fmt: skip


def connector_of(config: CompanyConfig, system: str) -> Connector:
    """The connector of a configured system.

    Raises:
        UsageError: there is no such system.
    """
    if system not in config.sources:
        raise UsageError(f"no source '{system}' in {config.folder.name}", f"Sources: {', '.join(config.sources)}")
    return connect(config.sources[system].as_system())


def check_table(config: CompanyConfig, system: str, table: str) -> None:
    """Whether a table is configured.

    Raises:
        UsageError: it is not.
    """
    known = config.sources[system].tables
    if table not in known:
        raise UsageError(f"no table '{table}' of {system}", f"Tables: {', '.join(known)}")


def tried(config: CompanyConfig, systems: list[str]) -> list[Tried]:
    """Every configured table of the systems."""
    found = []
    for system in systems:
        connector = connector_of(config, system)
        for table in config.sources[system].tables:
            try:
                columns = connector.columns(table)
                rows, rejected = counted(connector, table)
                found.append(Tried(system, table, rows, len(columns), None, rejected))
            except RegularsError as error:
                found.append(Tried(system, table, None, 0, str(error)))
    return found


def counted(connector: Connector, table: str) -> tuple[int, int]:
    """Rows of a table, and of it what is no row; a kind that cannot tell otherwise is read for it.

    Raises:
        RegularsError: it cannot be read.
    """
    rows = connector.count(table)
    if rows is not None:
        return rows, 0
    with duckdb.connect() as con:
        try:
            found = con.execute(f"select count(*) from ({connector.read(con, table)})").fetchone()
        except duckdb.Error as error:
            raise RegularsError(
                f"table {table}: cannot be read: {str(error).splitlines()[0]}",
                "Check the file; regulars source preview shows its rows",
            ) from error
        return int(found[0]) if found else 0, connector.rejected(con).num_rows


def rows_as_received(config: CompanyConfig, system: str, table: str, limit: int) -> list[dict[str, Any]]:
    """First rows of a table with the types that it lands with."""
    connector = connector_of(config, system)
    check_table(config, system, table)
    with duckdb.connect() as con:
        source = config.sources[system]
        rows = source.as_written(connector.read(con, table), connector.columns(table), source.formats)
        cursor = con.execute(f"select * from ({rows}) limit {limit}")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def rows_as_mapped(config: CompanyConfig, system: str, entity: str, limit: int) -> list[dict[str, Any]]:
    """First rows of an entity as its map makes them of a sample, with what would send each to quarantine.

    Raises:
        UsageError: the system has no such map.
        ConfigError: an expression of the map is wrong; says which.
    """
    connector = connector_of(config, system)
    source = config.sources[system]
    if entity not in source.maps:
        raise UsageError(f"no map '{entity}' in {system}", f"Maps: {', '.join(source.maps) or 'none yet'}")
    mapping = Mapping.of(config, system, entity)
    reasons = {n: f"{reason}: {column}" for (reason, column), n in numbered(mapping.contract).items()}
    with duckdb.connect() as con:
        for table in sorted(mapping.raw_tables(con, set(source.tables))):
            sql = source.as_written(connector.read(con, table), connector.columns(table), mapping.formats)
            con.execute(
                f"create or replace temp table {quote_name(table)} as select *, 'preview' as _load_id, "
                f"current_localtimestamp()::timestamp as _loaded_at from ({sql}) limit {SAMPLE}"
            )
        types = mapping.source_types(con)
        raw_columns = [row[0] for row in con.execute(f"describe {mapping.from_sql()}").fetchall()]
        query = candidate_sql(mapping, types, raw_columns)
        shown = ", ".join(mapping.map.columns)
        cursor = con.execute(f"select _verdict, _value, {shown} from ({query.sql}) limit {limit}")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        verdict, value = row.pop("_verdict"), row.pop("_value")
        problem = reasons.get(verdict, "filtered" if verdict < 0 else "")
        row["problem"] = f"{problem} = {value}" if problem and value is not None else problem
    return rows
