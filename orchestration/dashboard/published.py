"""What the pages read: queries on the published version, cached per version."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from orchestration.company import DEFAULT_COMPANY
from orchestration.paths import CompanyPaths
from orchestration.serving.publish import (
    CONTACTS,
    CONTACTS_GRANT,
    contacts_file,
    current_file,
    read_contacts,
    read_published,
)

PINNED = "version file"  # key of the session's state


def paths() -> CompanyPaths:
    """Paths of the company that the dashboard shows."""
    return CompanyPaths.of(os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY)


@st.cache_data(max_entries=256, show_spinner=False)
def cached(path: str, sql: str, values: dict[str, object]) -> pd.DataFrame:
    """A query's result on one version; the resolved path keys the cache, so a publication is seen at once."""
    with read_published(Path(path)) as con:
        return con.execute(sql, values).df()


def pin_version() -> None:
    """Read one version until the page is drawn, also where another one is published meanwhile."""
    st.session_state[PINNED] = str(current_file(paths()))


def version_file() -> Path:
    """The version that the page reads: the pinned one while it exists, else the current one."""
    pinned = st.session_state.get(PINNED)
    return Path(pinned) if pinned and Path(pinned).exists() else current_file(paths())


def query(sql: str, **values: object) -> pd.DataFrame:
    """Query the published version; `$name` takes the value of that name."""
    return cached(str(version_file()), sql, values)


def has_grant() -> bool:
    """Whether this dashboard may show clear contact data: it was started with --contacts."""
    return os.environ.get(CONTACTS_GRANT) == "granted"


def contacts(sql: str, **values: object) -> pd.DataFrame:
    """Query the clear contact data of the published version; kept in no cache.

    Raises:
        PermissionError: without the grant.
    """
    if not has_grant():
        raise PermissionError("this dashboard was started without --contacts")
    beside = version_file().with_name(CONTACTS)
    with read_contacts(beside if beside.exists() else contacts_file(paths())) as con:
        return con.execute(sql, values).df()


def note_look(page: str, customer_key: int | None = None) -> None:
    """Note in the access log that clear data were shown, and whose; what was searched for is not noted."""
    line = {"at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "user": getpass.getuser(), "page": page,
            "customer_key": customer_key}  # fmt: skip
    folder = paths().logs
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "contacts-shown.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


@dataclass(frozen=True)
class Build:
    """What the published version says of itself."""

    version: str
    title: str
    currency: str
    as_of: pd.Timestamp
    built_at: pd.Timestamp


def build() -> Build:
    """The build behind every figure on the page."""
    row = query("select version, title, currency, as_of, built_at from build_info").iloc[0]
    return Build(
        row["version"],
        row["title"],
        row["currency"],
        pd.Timestamp(row["as_of"]),
        pd.Timestamp(row["built_at"]),
    )
