"""Tables that conform writes: input and quarantine per entity, and the audit beside them."""

from __future__ import annotations

import duckdb

from orchestration.config.contracts import Contract

AUDIT_SQL = """
create schema if not exists input;
create schema if not exists quarantine;
create schema if not exists audit;
create schema if not exists identity;
create table if not exists audit.conform_audit (
  source_system varchar not null, entity varchar not null, load_id varchar not null,
  candidates bigint not null, accepted bigint not null, unchanged bigint not null,
  quarantined bigint not null, filtered bigint not null, flagged bigint not null
);
create table if not exists audit.conform_map (
  source_system varchar not null, entity varchar not null, fingerprint varchar not null
);
create table if not exists audit.quality_score (
  source_system varchar, entity varchar, column_name varchar, day date, completeness double, validity double,
  uniqueness double, consistency double, timeliness double, accuracy double, score double
);
create table if not exists audit.quality_check (
  source_system varchar, entity varchar, column_name varchar, rule varchar, dimension varchar, observed double,
  low double, high double, stops boolean, passed boolean, day date
);
create table if not exists audit.built (
  version varchar not null, fingerprint varchar not null, known_at timestamp not null, as_of date not null
);
"""

LOAD_AUDIT_SQL = """
create or replace table audit.load_audit (
  source_system varchar not null, table_name varchar not null, load_id varchar not null,
  loaded_at timestamp not null, rows_read bigint not null, rows_landed bigint not null,
  rows_rejected bigint not null, bytes bigint not null, seconds double not null,
  cursor_from varchar, cursor_to varchar, drift varchar
)
"""

# Lines and records that a source's reader refused: of no entity yet, since a map never saw them.
REJECTED_ROW_SQL = """
  source_system varchar not null, table_name varchar not null, load_id varchar not null, _source_file varchar,
  _source_row bigint, reason_code varchar not null, column_name varchar, value varchar, raw_record varchar
"""

QUARANTINE_SQL = """
  source_system varchar not null, _load_id varchar not null, _source_file varchar, _source_row bigint,
  reason_code varchar not null, column_name varchar, value varchar, record_key varchar,
  row_id varchar, raw_record varchar, quarantined_at timestamp not null
"""

TRAILING = (
    "_record_key bigint not null",
    "_parent_key bigint",
    "_record_hash bigint not null",
    "_source_file varchar",
    "_source_row bigint",
    "_flags varchar",
    "_load_id varchar not null",
    "_loaded_at timestamp not null",
    "_version_at timestamp not null",
    "_superseded_at timestamp",
)


def input_columns(contract: Contract) -> list[str]:
    """Column definitions of an entity's input table, in order."""
    own = [f"{n} {c.sql_type}{' not null' if c.required else ''}" for n, c in contract.columns.items()]
    dates = [f"{name} date" for name in contract.business_dates.values()]
    return ["source_system varchar not null", *own, *dates, *TRAILING]


def prepare(con: duckdb.DuckDBPyConnection, contracts: dict[str, Contract]) -> None:
    """Create what is missing; an entity whose columns changed starts anew and is refilled from the lake."""
    con.execute(AUDIT_SQL)
    described: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in con.execute(
        "select table_name, column_name, lower(data_type) from duckdb_columns() "
        "where schema_name = 'input' order by table_name, column_index"
    ).fetchall():
        described.setdefault(table, []).append((column, kind))
    script = []
    for entity, contract in contracts.items():
        wanted = [tuple(c.split()[:2]) for c in input_columns(contract)]
        if described.get(entity) == wanted:
            continue
        if entity in described:
            script += [
                f"drop table input.{entity}",
                f"drop table if exists quarantine.{entity}",
                f"delete from audit.conform_audit where entity = '{entity}'",
                f"delete from audit.conform_map where entity = '{entity}'",
                "delete from audit.built",
            ]
        script.append(f"create table input.{entity} ({', '.join(input_columns(contract))})")
        script.append(f"create table if not exists quarantine.{entity} ({QUARANTINE_SQL})")
    if script:
        con.execute("begin; " + "; ".join(script) + "; commit")
