"""The access report: everything that is held of one person, with where it came from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.landing.lake import Lake
from orchestration.platform.literals import quote, quote_name
from orchestration.privacy.person import Person, is_own, rows_of
from orchestration.privacy.scrub import schemas_of
from orchestration.privacy.subject import customer_kind, subjects_of


def access_report(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    person: Person,
    published: Path,
    made_at: dt.datetime,
) -> dict[str, Any]:
    """One person's data as plain values: as received, as conformed, and as published.

    Args:
        con: the warehouse; `find_person` has bound the person there.
        config: the company.
        lake: its loads.
        person: whose data.
        published: the version that readers see.
        made_at: when, UTC.
    """
    return {
        "company": config.company.title,
        "made_at": made_at.isoformat(timespec="seconds"),
        "customer_key": person.customer_key,
        "records": [{"source_system": system, "customer_id": customer_id} for system, customer_id in person.ids],
        "history_of_the_key": rows_of(
            con,
            "select * from identity.identity_event where $key in (from_customer_key, to_customer_key) order by all",
            {"key": person.customer_key},
        ),
        "meaning_of_columns": {
            entity: {
                name: {"description": spec.description, "personal_data": spec.personal, "unit": spec.unit}
                for name, spec in contract.columns.items()
            }
            for entity, contract in config.contracts.items()
            if is_own(config, entity) != "false"
        },
        "as_received": received(con, config, lake, person),
        "as_understood": understood(con, config),
        "as_published": shown(published, person),
    }


def understood(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> dict[str, list[dict[str, Any]]]:
    """Rows of the input tables that name the person, every version of them."""
    found = {}
    for entity, contract in config.contracts.items():
        condition = is_own(config, entity)
        if condition == "false":
            continue
        names = ["source_system", *contract.columns, "_source_file", "_source_row", "_loaded_at"]
        rows = rows_of(con, f"select {', '.join(names)} from input.{entity} i where {condition} order by all")
        if rows:
            found[entity] = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return found


def received(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake, person: Person
) -> dict[str, list[dict[str, Any]]]:
    """Raw rows of the lake that hold an id of the person, also what no map reads."""
    con.execute("create or replace temp table own_kind (kind varchar, id varchar)")
    kinds = [(customer_kind(system), customer_id) for system, customer_id in person.ids]
    kinds += [(f"{entity}:{system}", key) for entity, system, key in person.belonging if entity == "external_profile"]
    kinds += [("key", str(key)) for key in person.keys]
    con.executemany("insert into own_kind values (?, ?)", [list(pair) for pair in kinds])
    manifests = lake.manifests()
    found: dict[str, list[dict[str, Any]]] = {}
    for (system, table), raw in subjects_of(config, schemas_of(manifests)).items():
        loads = [m for m in manifests if (m.source_system, m.table_name) == (system, table)]
        columns = {name for m in loads for name in m.columns}
        tests = [
            f"({i.kind}, {i.expression}) in (select (kind, id) from own_kind)"
            for i in raw.ids
            if i.is_person and i.columns <= columns
        ]
        if not tests:
            continue
        files = ", ".join(quote(lake.files(m)) for m in loads)
        binary = [name for m in loads for name, kind in m.columns.items() if kind == "BLOB"]
        left_out = f" exclude ({', '.join(quote_name(name) for name in sorted(set(binary)))})" if binary else ""
        rows = rows_of(
            con,
            f"select *{left_out} from read_parquet([{files}], union_by_name = true) where {' or '.join(tests)} "
            "order by _load_id, _source_row",
        )
        if rows:
            found[f"{system}.{table}"] = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return found


def shown(published: Path, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Rows of the published tables that carry the person's key."""
    found = {}
    with duckdb.connect(str(published), read_only=True) as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_columns() join duckdb_tables() using (schema_name, table_name) "
            "where column_name = 'customer_key' order by all"
        ).fetchall()
        for schema, table in dict.fromkeys(tables):
            rows = rows_of(
                con, f'select * from "{schema}"."{table}" where customer_key = $key', {"key": person.customer_key}
            )
            if rows:
                found[f"{schema}.{table}"] = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return found
