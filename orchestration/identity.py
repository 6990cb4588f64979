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
from orchestration.literals import quote

LEDGER = "identity_ledger"
LENT = "shared_id"  # rule of a link that stands for another system's record
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


def customer_mentions(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> pa.Table:
    """Every customer id that any system uses, also those that only facts mention: source_system, customer_id, and
    owner, the system whose id it is (`customer_ids_of` of the source)."""
    parts = " union ".join(
        f"select source_system, {column} as customer_id from input.{entity} where {column} is not null"
        for entity, column in customer_references(config)
    )
    lent = {name: source.customer_ids_of for name, source in config.sources.items() if source.customer_ids_of}
    owners = "".join(f" when {quote(name)} then {quote(owner)}" for name, owner in lent.items())
    owner = f"case source_system{owners} else source_system end" if lent else "source_system"
    return con.execute(
        f"select *, {owner} as owner from ({parts}) order by source_system, customer_id"
    ).to_arrow_table()


def source_records(mentions: pa.Table) -> pa.Table:
    """The records behind the ids, each once, under the system that it belongs to."""
    records = mentions.select(["owner", "customer_id"]).rename_columns(["source_system", "customer_id"])
    return (
        records.group_by(["source_system", "customer_id"])
        .aggregate([])
        .sort_by([("source_system", "ascending"), ("customer_id", "ascending")])
    )


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
    mentions = customer_mentions(con, config)
    records = source_records(mentions)
    ledger = read_ledger(con, lake)
    fresh = assign_keys((matcher or ExactSourceKey()).match(records), ledger)
    valid_from = pa.array([naive_utc(now)] * fresh.num_rows, pa.timestamp("us"))
    lake.remember(LEDGER, fresh.append_column("valid_from", valid_from), load_id, now)
    write_links(con, config, lake, mentions)
    found = con.execute(
        "select count(*), count(distinct customer_key) from identity.customer_link where rule <> $lent", {"lent": LENT}
    ).fetchone()
    assert found is not None
    return IdentityResult(records=found[0], customers=found[1], new_records=fresh.num_rows)


def write_links(con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake, mentions: pa.Table) -> None:
    """Write the links of the records that are there, with the id that published tables may show.

    A system that uses another's ids gets a link for each id that it uses, with the owner's keys and rule `shared_id`,
    so that facts find their customer by the system that delivered them.
    """
    loads = lake.remembered(LEDGER)
    con.register("mentions", mentions)
    ledger = "read_parquet($files)" if loads else "(select null where false)"
    shown = "customer_id"
    values: dict[str, object] = {"files": loads, "lent": LENT} if loads else {}
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
        with present as (
          select source_system, customer_id, {shown} as public_customer_id, source_customer_key, customer_key,
            rule, weight, valid_from, cast(null as timestamp) as valid_to
          from {ledger} semi join (select owner as source_system, customer_id from mentions)
            using (source_system, customer_id)
        )
        select * from present
        union all
        select m.source_system, m.customer_id, p.public_customer_id, p.source_customer_key, p.customer_key,
          $lent, cast(null as double), p.valid_from, p.valid_to
        from mentions m join present p on p.source_system = m.owner and p.customer_id = m.customer_id
        where m.source_system <> m.owner
        """,
        values,
    )
