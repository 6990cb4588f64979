"""From source records to stable customer keys.

A matcher groups records into clusters; `assign_keys` gives each cluster a key and remembers it in a ledger,
so that a record keeps its key under re-runs, new data and another order of sources (SPEC S3.4).

Frames (Arrow):
    records: source_system, customer_id (text); one row per source record.
    clusters: records + cluster_system, cluster_id (the record that stands for the cluster), rule (text),
        weight (double, null for an exact rule).
    ledger: records + source_customer_key (bigint, of the record alone, never changes), customer_key
        (bigint, of its cluster), rule, weight; one row per record, as first assigned.
"""

from __future__ import annotations

from typing import Protocol

import duckdb
import pyarrow as pa

# JavaScript and spreadsheets hold integers exactly up to 2^53 only, and people look at these keys there.
KEY_SPACE = 2**52
MAX_ATTEMPTS = 16

LEDGER_SCHEMA = pa.schema(
    [
        ("source_system", pa.string()),
        ("customer_id", pa.string()),
        ("source_customer_key", pa.int64()),
        ("customer_key", pa.int64()),
        ("rule", pa.string()),
        ("weight", pa.float64()),
    ]
)


class Matcher(Protocol):
    """Groups source records that are the same customer."""

    def match(self, records: pa.Table) -> pa.Table:
        """Records in, clusters out (see the module); the result does not depend on the rows' order."""


class ExactSourceKey:
    """Every source record is a customer of its own: source system and id decide."""

    def match(self, records: pa.Table) -> pa.Table:
        """See `Matcher.match`."""
        with duckdb.connect() as con:
            con.register("records", records)
            return con.execute(
                """
                select distinct source_system, customer_id, source_system as cluster_system,
                  customer_id as cluster_id, 'source_key' as rule, cast(null as double) as weight
                from records order by source_system, customer_id
                """
            ).to_arrow_table()


def assign_keys(clusters: pa.Table, ledger: pa.Table) -> pa.Table:
    """Ledger rows for the records that the ledger does not know yet.

    A new record takes the key of its cluster's known members (the smallest, if several); a wholly new
    cluster gets the key of the record that stands for it. Keys are hashes of system and id, so that they
    do not depend on the order of arrival; a collision is hashed again with a counter.

    Args:
        clusters: see the module.
        ledger: rows already assigned; empty at first.

    Returns:
        New ledger rows, ordered by source_system and customer_id.

    Raises:
        RuntimeError: the key space is exhausted (never below hundreds of millions of customers).
    """
    with duckdb.connect() as con:
        con.register("clusters", clusters)
        con.register("ledger", ledger)
        con.execute(
            """
            create temp table fresh as
            select c.*, cast(null as bigint) as source_customer_key from clusters c
            anti join ledger l using (source_system, customer_id)
            """
        )
        for attempt in range(MAX_ATTEMPTS):
            con.execute(MINT, {"attempt": str(attempt), "space": KEY_SPACE})
            left = con.execute("select count(*) from fresh where source_customer_key is null").fetchone()
            if left == (0,):
                break
        else:
            raise RuntimeError("customer key space exhausted")
        return con.execute(ASSIGN).to_arrow_table().cast(LEDGER_SCHEMA)


# Of several records that hash to one key, the first by name takes it; the others try the next counter.
MINT = """
update fresh set source_customer_key = minted.key
from (
  select source_system, customer_id, key from (
    select source_system, customer_id,
      cast('0x' || substr(md5(concat_ws(chr(31), source_system, customer_id, $attempt)), 1, 13) as bigint)
        % $space + 1 as key
    from fresh where source_customer_key is null
  )
  where key not in (select source_customer_key from ledger)
    and key not in (select source_customer_key from fresh where source_customer_key is not null)
  qualify row_number() over (partition by key order by source_system, customer_id) = 1
) minted
where fresh.source_system = minted.source_system and fresh.customer_id = minted.customer_id
"""

ASSIGN = """
with known as (
  select c.cluster_system, c.cluster_id, min(l.customer_key) as customer_key
  from clusters c join ledger l using (source_system, customer_id) group by all
),
founder as (
  select source_system as cluster_system, customer_id as cluster_id, source_customer_key as customer_key from fresh
)
select f.source_system, f.customer_id, f.source_customer_key,
  coalesce(k.customer_key, o.customer_key, f.source_customer_key) as customer_key, f.rule, f.weight
from fresh f
left join known k using (cluster_system, cluster_id)
left join founder o using (cluster_system, cluster_id)
order by f.source_system, f.customer_id
"""
