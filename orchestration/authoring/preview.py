"""What a source gives, before anything is loaded: its tables, rows as received, and rows as a map makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb

from orchestration.config.company import CompanyConfig, Source
from orchestration.conform.casting import numbered
from orchestration.conform.map_sql import shut
from orchestration.conform.mapping import Mapping, candidate_sql
from orchestration.connectors.base import WHOLE, Connector, Part
from orchestration.connectors.files import rename_sql
from orchestration.connectors.registry import connect
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.literals import quote_name
from orchestration.platform.scratch import memory_database

SAMPLE = 10_000  # rows of each table that a preview of a map looks at
MOST = 1_000_000  # rows that a table is read for to count them: a second of a CSV file


@dataclass(frozen=True)
class Counted:
    """Rows of a table, and lines of it that are none.

    Args:
        rows: those that would be landed; with `is_bound`, at least so many.
        rejected: lines that cannot be read, among those looked at; None where none was looked at.
        is_bound: whether reading stopped before the table's end.
    """

    rows: int
    rejected: int | None
    is_bound: bool = False


@dataclass(frozen=True)
class Tried:
    """A table that was tried: its columns and rows, or why it cannot be read."""

    system: str
    table: str
    counted: Counted | None
    columns: int
    error: str | None

    def row(self) -> dict[str, Any]:
        """For a table on the screen."""
        rows, rejected = "", ""
        if found := self.counted:
            rows = f"{'more than ' if found.is_bound else ''}{found.rows:,}"
            rejected = "not looked at"
            if found.rejected is not None:
                rejected = f"{found.rejected:,}{' so far' if found.is_bound else ''}"
        state = "failed" if self.error else "ok"
        return {"state": state, "system": self.system, "table": self.table, "columns": self.columns or "",
                "rows": rows, "rejected": rejected, "error": self.error or ""}  # fmt: skip


def counted(connector: Connector, system: str, table: str) -> Counted:
    """A table's rows by reading it, so that what is no row is found too; a large one is read in part, or counted.

    Raises:
        RegularsError: it cannot be read.
    """
    known = connector.count(table)
    if known is not None and known > MOST:
        return Counted(known, None)
    with memory_database() as con:
        try:
            # The hash makes DuckDB read every value; what it rejects stands in its tables once all is fetched.
            sql = f"select * from ({connector.read(con, table)}) limit {MOST + 1}"
            [(rows, _)] = con.execute(f"select count(*), bit_xor(hash(r)) from ({sql}) r").fetchall()
        except duckdb.Error as error:
            raise RegularsError(
                f"source {system}, table {table}: not readable: {str(error).splitlines()[0]}",
                "Check the settings of its connector and format",
            ) from error
        rejected = connector.rejected(con).num_rows
    return Counted(min(rows, MOST), rejected, is_bound=rows > MOST)


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
    """Every configured table of the systems, and their maps that are no SQL over these tables."""
    found = []
    for system in systems:
        connector = connector_of(config, system)
        known: dict[str, dict[str, str]] = {}
        for table in config.sources[system].tables:
            try:
                columns = connector.columns(table)
                found.append(Tried(system, table, counted(connector, system, table), len(columns), None))
                known[table] = columns
            except RegularsError as error:
                found.append(Tried(system, table, None, 0, str(error)))
        for entity in config.sources[system].maps:
            if error_of := map_error(config, system, entity, known):
                found.append(Tried(system, f"map of {entity}", None, 0, error_of))
    return found


def map_error(config: CompanyConfig, system: str, entity: str, known: dict[str, dict[str, str]]) -> str | None:
    """What is wrong with a map, told on empty tables; None where nothing is, or where a table of it cannot be read.

    Args:
        config: the company.
        system: source system.
        entity: the map's.
        known: table → its columns with DuckDB types, of the tables that can be read.
    """
    mapping = Mapping.of(config, system, entity)
    with memory_database() as con:
        shut(con)
        try:
            names = mapping.raw_tables(con, set(config.sources[system].tables))
            if names - known.keys():
                return None
            for name in names:
                said = dict(mapping.spelled(con, known[name]))
                kinds = {said.get(column, column): kind for column, kind in known[name].items()}
                kinds |= {"_load_id": "varchar", "_loaded_at": "timestamp"}
                kinds |= {"_source_file": "varchar", "_source_row": "bigint"}
                fields = ", ".join(f"{quote_name(column)} {kind}" for column, kind in kinds.items())
                con.execute(f"create temp table {quote_name(name)} ({fields})")
            types = mapping.source_types(con)
            raw_columns = [row[0] for row in con.execute(f"describe {mapping.from_sql()}").fetchall()]
            con.execute(f"describe {candidate_sql(mapping, types, raw_columns).sql}")
        except RegularsError as error:
            return str(error)
        except duckdb.Error as error:
            return str(mapping.wrong("columns", ", ".join(mapping.map.columns), error))
    return None


def first_rows(
    con: duckdb.DuckDBPyConnection, connector: Connector, table: str, made: str, most: int, shaped: Callable[[str], str]
) -> None:
    """Make a temporary table of a table's first rows, file by file: one statement over all files opens all of them.

    Args:
        con: where the table is made.
        connector: of the source.
        table: the source's.
        made: name of the temporary table.
        most: rows at most.
        shaped: SQL of rows as received → SQL of the rows that are wanted.
    """
    name, rows = quote_name(made), 0
    for part in [Part(files=(file,)) for file in connector.headers(table)] or [WHOLE]:
        into = f"insert into {name} by name" if rows else f"create or replace temp table {name} as"
        con.execute(
            f"{into} select * replace (coalesce(_source_row, row_number() over ()) as _source_row) "
            f"from (select * from ({shaped(connector.read(con, table, part))}) limit {most - rows})"
        )
        [(rows,)] = con.execute(f"select count(*) from {name}").fetchall()
        if rows >= most:
            return


def rows_as_received(config: CompanyConfig, system: str, table: str, limit: int) -> list[dict[str, Any]]:
    """First rows of a table with the types that it lands with."""
    connector = connector_of(config, system)
    check_table(config, system, table)
    with memory_database() as con:
        source, columns = config.sources[system], connector.columns(table)
        first_rows(
            con, connector, table, "received", limit, lambda sql: source.as_written(sql, columns, source.formats)
        )
        cursor = con.execute("select * from received")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def as_map_sees(
    con: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping, columns: dict[str, str], sql: str
) -> str:
    """SQL of a table's rows with the names and columns that a map finds in the lake."""
    written = source.as_written(sql, columns, mapping.formats)
    named = rename_sql(written, mapping.spelled(con, columns))
    return f"select *, 'preview' as _load_id, current_localtimestamp()::timestamp as _loaded_at from ({named})"


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
    with memory_database() as con:
        for table in sorted(mapping.raw_tables(con, set(source.tables))):
            columns = connector.columns(table)
            first_rows(con, connector, table, table, SAMPLE, partial(as_map_sees, con, source, mapping, columns))
        shut(con)
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
