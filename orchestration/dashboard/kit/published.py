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

from orchestration.config.company import DEFAULT_COMPANY
from orchestration.platform.errors import RegularsError
from orchestration.platform.hints import for_company
from orchestration.platform.paths import CompanyPaths
from orchestration.serving.publish import CONTACTS_GRANT, contacts_beside, current_file, read_contacts, read_published

PINNED = "published_version"  # in the session: all figures of a page are of one version


def hint(text: str) -> str:
    """A text in which every command is for the company that the dashboard shows."""
    company = os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY
    return for_company(text, None if company == DEFAULT_COMPANY else company)


def paths() -> CompanyPaths:
    """Paths of the company that the dashboard shows."""
    return CompanyPaths.of(os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY)


@st.cache_data(max_entries=256, show_spinner=False)
def cached(path: str, sql: str, values: dict[str, object]) -> pd.DataFrame:
    """A query's result on one version; the resolved path keys the cache, so a publication is seen at once."""
    with read_published(Path(path)) as con:
        return con.execute(sql, values).df()


def pin() -> Path:
    """Choose the version that this run of the page reads: the one that is published now. Call at its begin."""
    found = current_file(paths())
    st.session_state[PINNED] = str(found)
    return found


def pinned() -> Path:
    """The database that this run of the page reads; where its version was deleted meanwhile, the run begins anew."""
    known = st.session_state.get(PINNED)
    if known is None:
        return pin()
    if not Path(known).exists():
        del st.session_state[PINNED]
        st.rerun()
    return Path(known)


def query(sql: str, **values: object) -> pd.DataFrame:
    """Query the version that the page reads; `$name` takes the value of that name."""
    path = str(pinned())
    try:
        return cached(path, sql, values)
    except RegularsError:
        pinned()  # begins anew where the version was deleted after the look
        raise


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
    with read_contacts(contacts_beside(pinned())) as con:
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
