"""What the pages are made of: heads, cards, tables and lists, in which text of the data is never markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.platform.literals import no_formula
from orchestration.platform.markup import md

ROW, HEAD, TALLEST = 35, 38, 460  # pixels of a table's rows, its head, and the most that a list takes
CUSTOMER_URL = "/customer?key="


@dataclass(frozen=True)
class Column:
    """How a column of a table reads.

    Args:
        name: in words, with the unit where the values do not say it.
        kind: text, count, money, share (0 to 1), number (one decimal), figure (four digits), day, time, customer (a
            link), flag, or words (a code, shown with blanks).
    """

    name: str
    kind: str = "text"


WITH_SYMBOL = {"USD": "dollar", "EUR": "euro", "JPY": "yen", "CNY": "yen"}  # number formats that Streamlit knows


def config_of(column: Column, currency: str) -> Any:
    """Streamlit's configuration of a column."""
    column_types = st.column_config
    if column.kind == "money":
        form = WITH_SYMBOL.get(currency)
        name = column.name if form else f"{column.name} ({currency})"
        return column_types.NumberColumn(name, format=form or "accounting")
    if column.kind == "customer":
        return column_types.LinkColumn(column.name, display_text=r"key=(\d+)$", width=150)
    made: dict[str, Callable[[], Any]] = {
        "count": lambda: column_types.NumberColumn(column.name, format="localized"),
        "number": lambda: column_types.NumberColumn(column.name, format="%.1f"),
        "figure": lambda: column_types.NumberColumn(column.name, format="%.4g"),
        "share": lambda: column_types.NumberColumn(column.name, format="%.1f %%"),
        "day": lambda: column_types.DateColumn(column.name, format="D MMM YYYY"),
        "time": lambda: column_types.DatetimeColumn(column.name, format="D MMM YYYY, HH:mm"),
        "flag": lambda: column_types.CheckboxColumn(column.name),
    }
    return made.get(column.kind, lambda: column_types.TextColumn(column.name))()


def shown_as(values: pd.Series, kind: str) -> pd.Series:
    """A column's values as its kind is shown."""
    if kind == "customer":
        return values.map(lambda key: None if pd.isna(key) else f"{CUSTOMER_URL}{int(key)}")
    if kind == "share":
        return values.astype(float) * 100
    if kind in ("money", "number", "figure"):
        return values.astype(float)
    if kind == "words":
        return values.map(lambda code: code.replace("_", " ") if isinstance(code, str) else code)
    return values


def table(frame: pd.DataFrame, columns: dict[str, Column], currency: str = "", height: int | None = None) -> None:
    """A table with names that people use; columns that are not named are left out.

    Args:
        frame: the rows.
        columns: column of the frame → how it reads, in the order of the page.
        currency: of the amounts.
        height: in pixels; default: as many rows as there are, up to a screenful.
    """
    chosen = {name: column for name, column in columns.items() if name in frame}
    shown = pd.DataFrame({name: shown_as(frame[name], column.kind) for name, column in chosen.items()})
    st.dataframe(
        shown, hide_index=True, width="stretch", placeholder="–",
        height=height or min(HEAD + ROW * max(len(shown), 1), TALLEST),
        column_config={name: config_of(column, currency) for name, column in chosen.items()},
    )  # fmt: skip


def safe_csv(frame: pd.DataFrame) -> bytes:
    """A list as CSV for a spreadsheet; text that it would run as a formula is quoted, in values and in names."""
    safe = frame.copy()
    for name in safe.columns:
        kind = safe[name].dtype
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            safe[name] = safe[name].astype(object).map(no_formula)
    safe.columns = pd.Index([no_formula(name) for name in safe.columns])
    if any(safe.index.names):
        safe.index = safe.index.map(no_formula)
    return safe.to_csv(index=False).encode("utf-8-sig")


def take_away(frame: pd.DataFrame, name: str, columns: dict[str, Column], currency: str = "") -> None:
    """A customer list on the page, each row leading to its customer, and as a file.

    A column that nobody has a value in takes no place on the page; it is in the file.
    """
    table(frame, {name: c for name, c in columns.items() if name in frame and frame[name].notna().any()}, currency)
    named = frame[[column for column in columns if column in frame]]
    st.download_button(
        md("Download {count:,} customers (CSV)", count=len(frame)), safe_csv(named), file_name=f"{name}.csv",
        mime="text/csv",
    )  # fmt: skip


def cards(figures: dict[str, str], per_row: int | None = None, deltas: dict[str, str | None] | None = None) -> None:
    """Figures side by side; names and values are literal text."""
    per_row = per_row or len(figures)
    names = list(figures)
    for first in range(0, len(names), per_row):
        for column, name in zip(st.columns(per_row), names[first : first + per_row], strict=False):
            delta = (deltas or {}).get(name)
            column.metric(md("{text}", text=name), md("{text}", text=figures[name]), delta, border=True)


def choose(label: str, options: Iterable[Any], names: Callable[[Any], str] = str, **how: Any) -> Any:
    """A select box; Streamlit shows its options as plain text."""
    return st.selectbox(label, list(options), format_func=names, **how)


# Streamlit leaves a tenth of a small screen empty on either side.
WIDE = "<style>[data-testid=stMainBlockContainer] {padding-left: 2.5rem; padding-right: 2.5rem}</style>"


def head(title: str) -> published.Build:
    """Title of a page, and the build behind its figures."""
    build = published.build()
    st.html(WIDE)
    st.title(title)
    st.caption(
        md("{title}, as of {as_of:%d %B %Y}, data version {version}", title=build.title, as_of=build.as_of,
           version=build.version)
    )  # fmt: skip
    return build


def chart(figure: Any) -> None:
    """A chart as wide as its place."""
    st.plotly_chart(figure, width="stretch", config=charts.CONFIG)
