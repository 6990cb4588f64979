"""What the pages read: queries on the published version, cached per version."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from orchestration.company import DEFAULT_COMPANY
from orchestration.paths import CompanyPaths
from orchestration.serving.publish import current_file, read_published


def paths() -> CompanyPaths:
    """Paths of the company that the dashboard shows."""
    return CompanyPaths.of(os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY)


@st.cache_data(max_entries=256, show_spinner=False)
def cached(path: str, sql: str, values: dict[str, object]) -> pd.DataFrame:
    """A query's result on one version; the resolved path keys the cache, so a publication is seen at once."""
    with read_published(Path(path)) as con:
        return con.execute(sql, values).df()


def query(sql: str, **values: object) -> pd.DataFrame:
    """Query the published version; `$name` takes the value of that name."""
    return cached(str(current_file(paths())), sql, values)


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
