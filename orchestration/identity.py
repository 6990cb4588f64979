"""Run the identity step: records from input, keys by the matcher, the ledger in the lake, links for dbt."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from models_ml.identity.resolve import LEDGER_SCHEMA, ExactSourceKey, Matcher, assign_keys
from orchestration.clock import naive_utc
from orchestration.company import CompanyConfig
from orchestration.landing.lake import Lake

LEDGER = "identity_ledger"
PSEUDONYM_ENV = "REGULARS_PSEUDONYM_KEY"


@dataclass(frozen=True)
class IdentityResult:
    """What the step did."""

    records: int
    customers: int
    new_records: int


def customer_references(config: CompanyConfig) -> list[tuple[str, str]]:
    """(entity, column) of every column that names a customer."""
    found = [("customer", "customer_id")]
    for entity, contract in config.contracts.items():
        found += [(entity, name) for name, spec in contract.columns.items() if spec.references == "customer"]
    return found


def source_records(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> pa.Table:
    """Every customer id that any system uses, also those that only facts mention."""
    parts = " union ".join(
        f"select source_system, {column} as customer_id from input.{entity} where {column} is not null"
        for entity, column in customer_references(config)
    )
    return con.execute(f"select * from ({parts}) order by source_system, customer_id").to_arrow_table()


def read_ledger(con: duckdb.DuckDBPyConnection, lake: Lake) -> pa.Table:
    """Every assignment that the lake remembers."""
    loads = lake.remembered(LEDGER)
    if not loads:
        return LEDGER_SCHEMA.empty_table()
    columns = ", ".join(LEDGER_SCHEMA.names)
    return con.execute(f"select {columns} from read_parquet($files)", {"files": loads}).to_arrow_table()


def pseudonym_key(config: CompanyConfig) -> str:
    """Secret of the published pseudonyms: `REGULARS_PSEUDONYM_KEY`, else a file that only its owner reads."""
    given = os.environ.get(PSEUDONYM_ENV)
    if given:
        return given
    path = config.paths.root / "pseudonym.key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip()


def resolve_identity(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    lake: Lake,
    load_id: str,
    now: dt.datetime,
    matcher: Matcher | None = None,
) -> IdentityResult:
    """Give every source record its customer and write `identity.customer_link`.

    New assignments go to the lake first, so that a rebuild from the lake alone finds the same keys.

    Args:
        con: the warehouse.
        config: the company.
        lake: holds the ledger.
        load_id: name of the ledger's load, if one is written.
        now: the refresh's time.
        matcher: default: the exact source key.
    """
    records = source_records(con, config)
    ledger = read_ledger(con, lake)
    fresh = assign_keys((matcher or ExactSourceKey()).match(records), ledger)
    valid_from = pa.array([naive_utc(now)] * fresh.num_rows, pa.timestamp("us"))
    lake.remember(LEDGER, fresh.append_column("valid_from", valid_from), load_id, now)
    write_links(con, config, lake, records)
    found = con.execute("select count(*), count(distinct customer_key) from identity.customer_link").fetchone()
    assert found is not None
    return IdentityResult(records=found[0], customers=found[1], new_records=fresh.num_rows)


def write_links(con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake, records: pa.Table) -> None:
    """Write the links of the records that are there, with the id that published tables may show."""
    loads = lake.remembered(LEDGER)
    con.register("present_records", records)
    ledger = "read_parquet($files)" if loads else "(select null where false)"
    shown = "customer_id"
    values: dict[str, object] = {"files": loads} if loads else {}
    if not config.company.privacy.clear_keys:
        # HMAC in its nested form: a plain keyed hash could be extended.
        shown = "left(sha256($key || sha256($key || source_system || chr(31) || customer_id)), 32)"
        values["key"] = pseudonym_key(config)
    if not loads:
        con.execute(
            "create or replace table identity.customer_link (source_system varchar, customer_id varchar, "
            "public_customer_id varchar, source_customer_key bigint, customer_key bigint, rule varchar, "
            "weight double, valid_from timestamp, valid_to timestamp)"
        )
        return
    con.execute(
        f"""
        create or replace table identity.customer_link as
        select source_system, customer_id, {shown} as public_customer_id, source_customer_key, customer_key,
          rule, weight, valid_from, cast(null as timestamp) as valid_to
        from {ledger} semi join present_records using (source_system, customer_id)
        """,
        values,
    )
