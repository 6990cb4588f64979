"""The ledger of keys in the lake, and what the warehouse is told of it: links, with their history, and events."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from models_ml.identity.resolve import HISTORY_SCHEMA, reminted
from orchestration.config.company import CompanyConfig
from orchestration.identity.records import LENT
from orchestration.landing.lake import OWN, PART, Erased, Lake, Manifest, commit
from orchestration.platform.literals import exact_path, quote
from orchestration.platform.pseudonym import PSEUDONYM_ENV, PSEUDONYM_FILE, secret_in

LEDGER = "identity_ledger"


def read_history(con: duckdb.DuckDBPyConnection, lake: Lake) -> pa.Table:
    """Every assignment that the lake remembers."""
    loads = lake.remembered(LEDGER)
    if not loads:
        return HISTORY_SCHEMA.empty_table()
    columns = ", ".join(HISTORY_SCHEMA.names)
    found = con.execute(f"select {columns} from read_parquet($files)", {"files": loads}).to_arrow_table()
    return found.cast(HISTORY_SCHEMA)


def known_pseudonym_key(config: CompanyConfig) -> str | None:
    """Secret of customer keys and published ids: `REGULARS_PSEUDONYM_KEY`, else a file that only its owner reads. None
    where there is none yet.

    Raises:
        RegularsError: the file cannot be read.
    """
    return os.environ.get(PSEUDONYM_ENV) or secret_in(config.paths.root / PSEUDONYM_FILE)


def pseudonym_key(config: CompanyConfig) -> str:
    """See `known_pseudonym_key`; makes the file where there is no secret yet."""
    found = known_pseudonym_key(config)
    if found:
        return found
    made = secrets.token_hex(32)
    handle = os.open(config.paths.root / PSEUDONYM_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made


def key_id(secret: str) -> str:
    """Name of a secret that does not tell it: which secret ledger rows were minted under."""
    return hmac.new(secret.encode(), b"key id", hashlib.sha256).hexdigest()[:16]


def remember_keys(lake: Lake, rows: pa.Table, secret: str, load_id: str, now: dt.datetime) -> None:
    """Keep ledger rows (HISTORY_SCHEMA) in the lake, with the name of the secret that they were minted under."""
    name = pa.array([key_id(secret)] * rows.num_rows, pa.string())
    lake.remember(LEDGER, rows.append_column("key_id", name), load_id, now)


def rekey(lake: Lake, secret: str, load_id: str, now: dt.datetime, translation: Path) -> int:
    """Mint every customer key again where the ledger was minted under another secret, or under none; returns how many.

    What the lake remembers by customer key (scores) is translated, then the ledger is replaced by one load, which is
    the commit: killed before it, all is done again; killed after it, the old loads are deleted by the next call.

    Args:
        lake: the company's.
        secret: the one that counts now.
        load_id: of the refresh.
        now: its time.
        translation: file to write (old_key, new_key), readable by its owner only.
    """
    loads = lake.loads(OWN, LEDGER)
    old = [manifest for manifest in loads if not minted_under(lake, manifest, secret)]
    if not old:
        return 0
    keys = 0
    if len(old) == len(loads):
        with duckdb.connect() as con:
            rows, pairs = reminted(read_history(con, lake), secret)
        keys = pairs.num_rows
        write_private(pairs, translation)
        for manifest in lake.manifests():
            if manifest.source_system == OWN and manifest.table_name != LEDGER:
                translate(lake, manifest, pairs)
        remember_keys(lake, rows, secret, f"{load_id}-rekeyed", now)
    for manifest in old:
        lake.drop(manifest)
    return keys


def minted_under(lake: Lake, manifest: Manifest, secret: str) -> bool:
    """Whether a load of the ledger was minted under a secret; loads of before there were secrets name none."""
    if "key_id" not in manifest.columns:
        return False
    with duckdb.connect() as con:
        found = con.execute("select max(key_id) from read_parquet($file)", {"file": lake.files(manifest)}).fetchone()
    return found == (key_id(secret),)


def write_private(rows: pa.Table, path: Path) -> None:
    """Write a Parquet file that only its owner reads, in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        pq.write_table(rows, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def translate(lake: Lake, manifest: Manifest, pairs: pa.Table) -> None:
    """Give a load of the product's own tables the new customer keys, in one step."""
    named = [name for name in manifest.columns if name.endswith(("customer_key", "source_key"))]
    if not named:
        return
    path = lake.folder(OWN, manifest.table_name, manifest.load_id) / PART
    temporary = path.with_name(f".{path.name}.tmp")
    replaced = ", ".join(f"coalesce(t{n}.new_key, r.{name}) as {name}" for n, name in enumerate(named))
    joins = " ".join(f"left join pairs t{n} on t{n}.old_key = r.{name}" for n, name in enumerate(named))
    with duckdb.connect() as con:
        con.register("pairs", pairs)
        con.execute(
            f"copy (select r.* replace ({replaced}) from read_parquet({quote(exact_path(path))}) r {joins} "
            f"order by r._source_row) to {quote(temporary)} (format parquet, compression zstd)"
        )
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
    commit(path.parent, manifest.without(Erased(), path.parent))


def write_links(con: duckdb.DuckDBPyConnection, config: CompanyConfig, lake: Lake) -> None:
    """Write identity.customer_link: every record that is there with its customer, now and before, and the id that
    published tables may show; and identity.identity_event: which customer's records went where, when and why. A record
    that is matched from the start leaves its own key for the customer's.

    A system that uses another's ids gets a link for each id that it uses, with the owner's keys and rule `shared_id`,
    so that facts find their customer by the system that delivered them. Needs the temporary tables of `make_mentions`.
    """
    con.register("ledger_rows", read_history(con, lake))
    shown = "customer_id"
    values: dict[str, object] = {}
    if not config.company.privacy.clear_keys:
        # HMAC in its nested form: a plain keyed hash could be extended.
        shown = "left(sha256($key || sha256($key || source_system || chr(31) || customer_id)), 32)"
        values["key"] = pseudonym_key(config)
    con.execute(
        """
        create or replace temp table span as
        select *, coalesce(lag(customer_key) over w, source_customer_key) as before_key,
          lead(valid_from) over w as valid_to
        from ledger_rows window w as (partition by source_system, customer_id order by valid_from)
        """
    )
    con.unregister("ledger_rows")
    con.execute(
        f"""
        create or replace table identity.customer_link as
        with known as (
          select source_system, customer_id, {shown} as public_customer_id, source_customer_key, customer_key,
            rule, weight, valid_from, valid_to
          from span semi join present using (source_system, customer_id)
        )
        select * from known
        union all
        select m.source_system, m.customer_id, p.public_customer_id, p.source_customer_key, p.customer_key,
          $lent, cast(null as double), p.valid_from, p.valid_to
        from mention m join known p on p.source_system = m.owner and p.customer_id = m.customer_id
        where m.source_system <> m.owner and p.valid_to is null
        """,
        values | {"lent": LENT},
    )
    con.execute(
        """
        create or replace table identity.identity_event as
        with moved as (
          select valid_from as occurred_at, before_key as from_customer_key, customer_key as to_customer_key,
            cast(count(*) as integer) as records, max(rule) as rule, max(weight) as weight
          from span where before_key <> customer_key group by all
        )
        select occurred_at,
          case when exists (
            select 1 from span s where s.customer_key = m.from_customer_key and s.valid_from <= m.occurred_at
              and (s.valid_to is null or s.valid_to > m.occurred_at)
          ) then 'split' else 'merge' end as event,
          from_customer_key, to_customer_key, records,
          case when rule = 'source_key' then 'no longer matched' when rule = 'manual' then 'decision of an analyst'
            when rule = 'fuzzy' then 'records alike' when rule = 'identical' then 'records say the same'
            else 'same ' || replace(rule, '_', ' ') end as reason,
          rule, weight
        from moved m
        """
    )
