"""The records that identity is about: every customer id that a system uses, and what the sources say of it."""

from __future__ import annotations

import zlib

import duckdb

from models_ml.identity.standardise import RAW, STANDARD
from orchestration.config.company import CompanyConfig
from orchestration.identity.relations import SQL, Mentions, State
from orchestration.identity.standardise import standard_records
from orchestration.platform.sql import Expression, Relation, count, create, drop, fill, run

SHARED_ID = "shared_id"  # rule of a link that stands for another system's record
NOWHERE = "ZZ"  # country of a company that states none: only international telephone numbers are read
CODE = "1"  # of the standardisation: a change makes every record anew


def customer_references(config: CompanyConfig) -> list[tuple[str, str]]:
    """(entity, column) of every column that names a customer."""
    references = [("customer", "customer_id")]
    for entity, contract in config.contracts.items():
        references += [(entity, name) for name, spec in contract.columns.items() if spec.references == "customer"]
    return references


def make_mentions(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> Mentions:
    """Every customer id that any system uses, also those that only facts mention; the owner of an id is the system
    that `customer_ids_of` of the source names."""
    ids = " union ".join(
        fill("select source_system, {column} as customer_id from {table} where {column} is not null",
             column=Expression(column), table=Relation("input", entity))
        for entity, column in customer_references(config)
    )  # fmt: skip
    owners = {name: source.customer_ids_of for name, source in config.sources.items() if source.customer_ids_of}
    cases = [fill("when {name} then {owner}", name=name, owner=owner) for name, owner in owners.items()]
    owner = f"case source_system {' '.join(cases)} else source_system end" if cases else "source_system"
    mention = create(con, "mention", "select *, {owner} as owner from ({ids})", owner=Expression(owner),
                     ids=Expression(ids))  # fmt: skip
    present = create(
        con, "present", "select distinct owner as source_system, customer_id from {mention}", mention=mention
    )
    return Mentions(mention, present)


def current_records(con: duckdb.DuckDBPyConnection, customer: Relation) -> Relation:
    """View of the newest version of each customer record, and its `place` (rowid) in the table."""
    return create(con, "current_record", SQL["current_record"], as_view=True, customer=customer)


def refresh_standard(
    con: duckdb.DuckDBPyConnection, config: CompanyConfig, customer: Relation, current_record: Relation, state: State
) -> int:
    """Bring the standard records up to the customer records; returns how many were standardised.

    Records whose source wrote the same as before keep their row.
    """
    country = config.company.phone_country or NOWHERE
    columns = ", ".join(f"{name} {kind}" for name, kind in STANDARD.items())
    run(con, "create table if not exists {standard_customer} ({columns}, raw_hash bigint)", state,
        columns=Expression(columns))  # fmt: skip
    written = create(con, "written_record", SQL["written_record"], current_record=current_record,
                     seed=zlib.crc32(f"{country} {CODE}".encode()))  # fmt: skip
    run(con, SQL["forget_stale_records"], state, written=written)
    columns = ", ".join(f"cast(c.{name} as {kind_of(name)}) as {name}" for name in RAW)
    unstandard = create(con, "unstandard_record", SQL["unstandard_record"], state, columns=Expression(columns),
                        customer=customer, written=written)  # fmt: skip
    fresh = count(con, unstandard)
    if fresh:
        with standard_records(con, unstandard, country, ["raw_hash"]) as query:
            run(con, "insert into {standard_customer} by name {query}", state, query=query)
    drop(con, written, unstandard)
    return fresh


def kind_of(column: str) -> str:
    """Type in which a raw column is read."""
    return {"birth_date": "date", "email_verified_at": "timestamp", "phone_verified_at": "timestamp"}.get(
        column, "varchar"
    )
