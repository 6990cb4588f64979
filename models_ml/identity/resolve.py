"""From clusters of source records to stable customer keys.

Matching groups records into clusters; `assign_keys` gives each cluster a key and remembers it in a ledger, so that a
record keeps its key under re-runs, new data and another order of sources, a merge keeps the older key, and what is
taken apart again gets its own key back.

Frames (Arrow):
    clusters: source_system, customer_id (text); cluster_system, cluster_id (the record that stands for the
        cluster); rule (text), weight (double, null for an exact rule). One row per source record that is there.
    ledger: source_system, customer_id; source_customer_key (bigint, of the record alone, never changes); customer_key
        (bigint, of its cluster); rule, weight. A row per record and change, in the order of time (valid_from).

A key is the own key of one of its records, its founder: whoever holds a key of long ago finds its customer through
the record with that own key.

Own keys are HMAC-SHA-256 (RFC 2104) of system and id under the company's secret, cut to 52 bits: who has a list of ids
but not the secret cannot tell whose key is whose.
"""

from __future__ import annotations

import hashlib

import duckdb
import pyarrow as pa

# JavaScript and spreadsheets hold integers exactly up to 2^53 only, and people look at these keys there.
KEY_SPACE = 2**52
MAX_ATTEMPTS = 16
BLOCK = 64  # bytes of a block of SHA-256

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
HISTORY_SCHEMA = LEDGER_SCHEMA.append(pa.field("valid_from", pa.timestamp("us")))
ALONE = "source_key"  # rule of a record that no other one was matched with


def alone(records: pa.Table) -> pa.Table:
    """Clusters in which every record is a customer of its own; records: source_system, customer_id."""
    with duckdb.connect() as con:
        con.register("records", records)
        return con.execute(
            """
            select distinct source_system, customer_id, source_system as cluster_system,
              customer_id as cluster_id, $alone as rule, cast(null as double) as weight
            from records order by source_system, customer_id
            """,
            {"alone": ALONE},
        ).to_arrow_table()


def hmac_pads(secret: str) -> dict[str, bytes]:
    """Inner and outer block of HMAC-SHA-256, as the SQL of `hmac_sql` takes them."""
    key = secret.encode()
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return {"inner": bytes(b ^ 0x36 for b in block), "outer": bytes(b ^ 0x5C for b in block)}


def hmac_sql(message: str) -> str:
    """SQL of HMAC-SHA-256 in hexadecimal digits; takes the parameters of `hmac_pads`."""
    return f"sha256($outer || unhex(sha256($inner || encode({message}))))"


def assign_keys(clusters: pa.Table, history: pa.Table, secret: str) -> pa.Table:
    """Ledger rows for records that are new, or whose customer or rule is another than before.

    A key goes to the cluster that holds its founder, else to the one that holds most of its records. A cluster that
    several keys come to keeps the oldest. One that no key comes to takes back the own key of one of its records,
    first one that was a customer's key before. Keys are keyed hashes of system and id, so that they do not depend on
    the order of arrival; a collision is hashed again with a counter.

    Args:
        clusters: see the module.
        history: every ledger row so far (HISTORY_SCHEMA), all minted under the secret; empty at first.
        secret: of the company.

    Returns:
        New ledger rows (LEDGER_SCHEMA), ordered by source_system and customer_id.

    Raises:
        RuntimeError: the key space is exhausted (never below hundreds of millions of customers).
    """
    with duckdb.connect() as con:
        con.register("clusters", clusters)
        con.register("history", history)
        con.execute("create temp table ledger as " + CURRENT)
        con.execute(
            """
            create temp table fresh as
            select c.*, cast(null as bigint) as source_customer_key from clusters c
            anti join ledger l using (source_system, customer_id)
            """
        )
        mint(con, secret)
        con.execute("create temp table record as " + RECORD)
        con.execute("create temp table kept as " + KEPT)
        con.execute("create temp table taken as " + TAKEN)
        con.execute(HOMELESS, {"space": KEY_SPACE} | hmac_pads(secret))
        return con.execute(ASSIGN).to_arrow_table().cast(LEDGER_SCHEMA)


def mint(con: duckdb.DuckDBPyConnection, secret: str) -> None:
    """Give every row of the temporary table `fresh` (source_system, customer_id, source_customer_key) its own key, none
    of which is an own key of table `ledger` (source_customer_key).

    Raises:
        RuntimeError: the key space is exhausted.
    """
    values = {"space": KEY_SPACE} | hmac_pads(secret)
    for attempt in range(MAX_ATTEMPTS):
        con.execute(MINT, values | {"attempt": str(attempt)})
        if con.execute("select count(*) from fresh where source_customer_key is null").fetchone() == (0,):
            return
    raise RuntimeError("customer key space exhausted")


def reminted(history: pa.Table, secret: str) -> tuple[pa.Table, pa.Table]:
    """A ledger under another secret, and how its keys translate.

    Args:
        history: every ledger row so far (HISTORY_SCHEMA).
        secret: the new one.

    Returns:
        The same rows (HISTORY_SCHEMA) under new keys, and old_key, new_key of every key. No new key is an old one, so
        that translating twice does what translating once does.
    """
    with duckdb.connect() as con:
        con.register("history", history)
        con.execute(
            "create temp table ledger as select source_customer_key from history union select customer_key from history"
        )
        con.execute(
            "create temp table fresh as select distinct source_system, customer_id, cast(null as bigint) as "
            "source_customer_key, source_customer_key as old_key from history"
        )
        con.execute(
            "insert into fresh select distinct '', cast(customer_key as varchar), null, customer_key from history "
            "where customer_key not in (select source_customer_key from history)"
        )  # keys of parts of customers that no record founded
        mint(con, secret)
        pairs = con.execute(
            "select old_key, source_customer_key as new_key from fresh order by old_key"
        ).to_arrow_table()
        con.register("pairs", pairs)
        rows = con.execute(
            "select source_system, customer_id, o.new_key as source_customer_key, c.new_key as customer_key, rule, "
            "weight, valid_from from history h join pairs o on o.old_key = h.source_customer_key "
            "join pairs c on c.old_key = h.customer_key order by valid_from, source_system, customer_id"
        ).to_arrow_table()
    return rows.cast(HISTORY_SCHEMA), pairs


# Last row of each record, and since when its key has been a customer's.
CURRENT = """
select source_system, customer_id, source_customer_key, arg_max(customer_key, valid_from) as customer_key,
  arg_max(rule, valid_from) as rule
from history group by all
"""

# Of several records that hash to one key, the first by name takes it; the others try the next counter.
MINT = f"""
update fresh set source_customer_key = minted.key
from (
  select source_system, customer_id, key from (
    select source_system, customer_id,
      cast('0x' || substr({hmac_sql("concat_ws(chr(31), source_system, customer_id, $attempt)")}, 1, 13) as bigint)
        % $space + 1 as key
    from fresh where source_customer_key is null
  )
  where key not in (select source_customer_key from ledger)
    and key not in (select source_customer_key from fresh where source_customer_key is not null)
  qualify row_number() over (partition by key order by source_system, customer_id) = 1
) minted
where fresh.source_system = minted.source_system and fresh.customer_id = minted.customer_id
"""

RECORD = """
select c.*, coalesce(f.source_customer_key, l.source_customer_key) as source_customer_key,
  l.customer_key as old_key, l.rule as old_rule
from clusters c
left join ledger l using (source_system, customer_id)
left join fresh f using (source_system, customer_id)
"""

# The one cluster that each key goes to, and the one key that each cluster keeps.
KEPT = """
with claim as (
  select cluster_system, cluster_id, old_key as customer_key, count(*) as records,
    bool_or(source_customer_key = old_key) as has_founder
  from record where old_key is not null group by all
),
won as (
  select * from claim
  qualify row_number() over (
    partition by customer_key order by has_founder desc, records desc, cluster_system, cluster_id) = 1
)
select cluster_system, cluster_id, customer_key from won
join (select customer_key, min(valid_from) as since from history group by customer_key) using (customer_key)
qualify row_number() over (partition by cluster_system, cluster_id order by since, customer_key) = 1
"""

TAKEN = """
select cluster_system, cluster_id, r.source_customer_key as customer_key
from record r
anti join kept k using (cluster_system, cluster_id)
left join (select distinct customer_key from history) h on h.customer_key = r.source_customer_key
where r.source_customer_key not in (select customer_key from kept)
qualify row_number() over (
  partition by cluster_system, cluster_id
  order by h.customer_key is null, (source_system, customer_id) <> (cluster_system, cluster_id),
    source_system, customer_id) = 1
"""

# All own keys of such a cluster are other clusters' names, since their founders' customers kept them: it gets a key
# that no record has. Rare.
HOMELESS = f"""
insert into taken
select cluster_system, cluster_id, min(
  cast('0x' || substr({hmac_sql("concat_ws(chr(31), cluster_system, cluster_id, 'split')")}, 1, 13) as bigint)
    % $space + 1)
from record r
anti join kept using (cluster_system, cluster_id) anti join taken using (cluster_system, cluster_id)
group by all
"""

ASSIGN = """
select source_system, customer_id, source_customer_key,
  coalesce(k.customer_key, t.customer_key) as customer_key, rule, weight
from record r
left join kept k using (cluster_system, cluster_id)
left join taken t using (cluster_system, cluster_id)
where old_key is distinct from coalesce(k.customer_key, t.customer_key) or old_rule is distinct from rule
order by source_system, customer_id
"""
