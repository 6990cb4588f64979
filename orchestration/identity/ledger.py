"""The ledger of keys in the lake, and the secret that they are minted under."""

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

from orchestration.config.company import CompanyConfig
from orchestration.identity.keys import HISTORY_SCHEMA, reminted
from orchestration.landing.lake import OWN, PART, Erased, Lake, Manifest, commit
from orchestration.platform.literals import exact_path
from orchestration.platform.pseudonym import PSEUDONYM_ENV, PSEUDONYM_FILE, secret_in
from orchestration.platform.sql import Expression, arrow, fill, run

LEDGER = "identity_ledger"


def read_history(con: duckdb.DuckDBPyConnection, lake: Lake) -> pa.Table:
    """Every assignment that the lake remembers."""
    loads = lake.remembered(LEDGER)
    if not loads:
        return HISTORY_SCHEMA.empty_table()
    columns = Expression(", ".join(HISTORY_SCHEMA.names))
    rows = run(con, "select {columns} from read_parquet({files})", columns=columns, files=loads).to_arrow_table()
    return rows.cast(HISTORY_SCHEMA)


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
        row = run(con, "select max(key_id) from read_parquet({file})", file=lake.files(manifest)).fetchone()
    return row == (key_id(secret),)


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
    with duckdb.connect() as con, arrow(con, "pairs", pairs) as translation:
        joins = [
            fill("left join {pairs} as {alias} on {alias}.old_key = r.{column}", pairs=translation,
                 alias=Expression(f"t{n}"), column=Expression(name))
            for n, name in enumerate(named)
        ]  # fmt: skip
        run(
            con,
            "copy (select r.* replace ({replaced}) from read_parquet({path}) as r {joins} order by r._source_row) "
            "to {file} (format parquet, compression zstd)",
            replaced=Expression(replaced), path=exact_path(path), joins=Expression(" ".join(joins)),
            file=str(temporary),
        )  # fmt: skip
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)
    commit(path.parent, manifest.without(Erased(), path.parent))
