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

from orchestration.identity.relations import SQL
from orchestration.platform.sql import Expression, Relation, arrow, create, fill, run

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
    with duckdb.connect() as con, arrow(con, "records", records) as given:
        return run(con, SQL["alone"], records=given, alone=ALONE).to_arrow_table()


def hmac_pads(secret: str) -> dict[str, bytes]:
    """Inner and outer block of HMAC-SHA-256, as the SQL of `hmac_sql` takes them."""
    key = secret.encode()
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return {"inner": bytes(b ^ 0x36 for b in block), "outer": bytes(b ^ 0x5C for b in block)}


def hmac_sql(message: str) -> Expression:
    """SQL of HMAC-SHA-256 in hexadecimal digits; takes the parameters of `hmac_pads`."""
    return Expression(f"sha256($outer || unhex(sha256($inner || encode({message}))))")


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
    with duckdb.connect() as con, arrow(con, "clusters", clusters) as given, arrow(con, "history", history) as before:
        ledger = create(con, "ledger", SQL["current_key"], history=before)
        fresh = create(con, "fresh_key", SQL["fresh_key"], clusters=given, ledger=ledger)
        mint(con, secret, fresh, ledger)
        record = create(con, "keyed_record", SQL["keyed_record"], clusters=given, ledger=ledger, fresh=fresh)
        kept = create(con, "kept_key", SQL["kept_key"], record=record, history=before)
        taken = create(con, "taken_key", SQL["taken_key"], record=record, kept=kept, history=before)
        own_name = hmac_sql("concat_ws(chr(31), cluster_system, cluster_id, 'split')")
        run(con, SQL["homeless_key"], secrets=hmac_pads(secret), record=record, kept=kept, taken=taken, hmac=own_name,
            space=KEY_SPACE)  # fmt: skip
        rows = run(con, SQL["assigned_key"], record=record, kept=kept, taken=taken).to_arrow_table()
    return rows.cast(LEDGER_SCHEMA)


def mint(con: duckdb.DuckDBPyConnection, secret: str, fresh: Relation, ledger: Relation) -> None:
    """Give every row of `fresh` (source_system, customer_id, source_customer_key) its own key, none of which is an own
    key of `ledger` (source_customer_key).

    Raises:
        RuntimeError: the key space is exhausted.
    """
    for attempt in range(MAX_ATTEMPTS):
        name = fill("concat_ws(chr(31), source_system, customer_id, {attempt})", attempt=str(attempt))
        run(con, SQL["mint"], secrets=hmac_pads(secret), fresh=fresh, ledger=ledger, hmac=hmac_sql(name),
            space=KEY_SPACE)  # fmt: skip
        if run(con, "select count(*) from {fresh} where source_customer_key is null", fresh=fresh).fetchone() == (0,):
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
    with duckdb.connect() as con, arrow(con, "history", history) as before:
        ledger = create(
            con, "ledger",
            "select source_customer_key from {history} union select customer_key from {history}", history=before,
        )  # fmt: skip
        fresh = create(
            con, "fresh_key",
            "select distinct source_system, customer_id, cast(null as bigint) as source_customer_key, "
            "source_customer_key as old_key from {history}",
            history=before,
        )  # fmt: skip
        run(con, SQL["unfounded_key"], fresh=fresh, history=before)
        mint(con, secret, fresh, ledger)
        pairs = create(con, "key_pair", "select old_key, source_customer_key as new_key from {fresh}", fresh=fresh)
        rows = run(con, SQL["reminted_row"], history=before, pairs=pairs).to_arrow_table()
        translation = run(con, "from {pairs} order by old_key", pairs=pairs).to_arrow_table()
    return rows.cast(HISTORY_SCHEMA), translation
