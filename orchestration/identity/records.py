"""The records that identity is about: every customer id that a system uses, and what the sources say of it."""

from __future__ import annotations

import zlib

import duckdb

from models_ml.identity.standardise import RAW, STANDARD, standardise
from orchestration.config.company import CompanyConfig
from orchestration.platform.literals import quote

LENT = "shared_id"  # rule of a link that stands for another system's record
NOWHERE = "ZZ"  # country of a company that states none: only international telephone numbers are read


def customer_references(config: CompanyConfig) -> list[tuple[str, str]]:
    """(entity, column) of every column that names a customer."""
    found = [("customer", "customer_id")]
    for entity, contract in config.contracts.items():
        found += [(entity, name) for name, spec in contract.columns.items() if spec.references == "customer"]
    return found


def make_mentions(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Temporary table `mention`: every customer id that any system uses, also those that only facts mention:
    source_system, customer_id, and owner, the system whose id it is (`customer_ids_of` of the source)."""
    parts = " union ".join(
        f"select source_system, {column} as customer_id from input.{entity} where {column} is not null"
        for entity, column in customer_references(config)
    )
    lent = {name: source.customer_ids_of for name, source in config.sources.items() if source.customer_ids_of}
    owners = "".join(f" when {quote(name)} then {quote(owner)}" for name, owner in lent.items())
    owner = f"case source_system{owners} else source_system end" if lent else "source_system"
    con.execute(f"create or replace temp table mention as select *, {owner} as owner from ({parts})")
    con.execute(
        "create or replace temp table present as select distinct owner as source_system, customer_id from mention"
    )


def refresh_standard(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> int:
    """Bring identity.standard_customer up to input.customer; returns how many records were standardised.

    Records whose source wrote the same as before keep their row.
    """
    country = config.company.phone_country or NOWHERE
    con.execute("create table if not exists identity.standard_customer (" + ", ".join(
        f"{name} {kind}" for name, kind in STANDARD.items()) + ", raw_hash bigint)")  # fmt: skip
    con.execute(
        """
        create or replace temp table said as
        select source_system, customer_id, rowid as place, xor(_record_hash, $seed) as raw_hash from input.customer
        where _superseded_at is null
        qualify row_number() over (partition by source_system, customer_id order by _version_at desc, _record_hash) = 1
        """,
        {"seed": zlib.crc32(f"{country} {CODE}".encode())},
    )
    con.execute(
        "delete from identity.standard_customer s where not exists (select 1 from said r where "
        "r.source_system = s.source_system and r.customer_id = s.customer_id and r.raw_hash = s.raw_hash)"
    )
    columns = ", ".join(f"cast(c.{name} as {kind_of(name)}) as {name}" for name in RAW)
    con.execute(
        f"create or replace temp table unstandard as select {columns}, f.raw_hash from input.customer c join "
        "(from said anti join identity.standard_customer using (source_system, customer_id)) f on c.rowid = f.place"
    )
    found = con.execute("select count(*) from unstandard").fetchone()
    fresh = int(found[0]) if found else 0
    if fresh:
        standardise(con, "unstandard", "insert into identity.standard_customer by name", country, ["raw_hash"])
    con.execute("drop table said; drop table unstandard")
    return fresh


CODE = "1"  # of the standardisation: a change makes every record anew


def kind_of(column: str) -> str:
    """Type in which a raw column is read."""
    return {"birth_date": "date", "email_verified_at": "timestamp", "phone_verified_at": "timestamp"}.get(
        column, "varchar"
    )
