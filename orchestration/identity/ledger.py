"""The ledger of keys in the lake, and what the warehouse is told of it: links, with their history, and events."""

from __future__ import annotations

import os
import secrets

import duckdb
import pyarrow as pa

from models_ml.identity.resolve import HISTORY_SCHEMA
from orchestration.company import CompanyConfig
from orchestration.identity.records import LENT
from orchestration.landing.lake import Lake

LEDGER = "identity_ledger"
PSEUDONYM_ENV, PSEUDONYM_FILE = "REGULARS_PSEUDONYM_KEY", "pseudonym.key"


def read_history(con: duckdb.DuckDBPyConnection, lake: Lake) -> pa.Table:
    """Every assignment that the lake remembers."""
    loads = lake.remembered(LEDGER)
    if not loads:
        return HISTORY_SCHEMA.empty_table()
    columns = ", ".join(HISTORY_SCHEMA.names)
    found = con.execute(f"select {columns} from read_parquet($files)", {"files": loads}).to_arrow_table()
    return found.cast(HISTORY_SCHEMA)


def known_pseudonym_key(config: CompanyConfig) -> str | None:
    """Secret of the published pseudonyms: `REGULARS_PSEUDONYM_KEY`, else a file that only its owner reads. None where
    there is none yet, or where the company publishes its ids as they are."""
    path = config.paths.root / PSEUDONYM_FILE
    if config.company.privacy.clear_keys:
        return None
    return os.environ.get(PSEUDONYM_ENV) or (path.read_text().strip() if path.exists() else None)


def pseudonym_key(config: CompanyConfig) -> str:
    """See `known_pseudonym_key`; makes the file where there is no secret yet."""
    found = known_pseudonym_key(config)
    if found:
        return found
    made = secrets.token_hex(32)
    handle = os.open(config.paths.root / PSEUDONYM_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(made)
    return made


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
