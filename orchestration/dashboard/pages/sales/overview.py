"""Overview: how the last whole period went, sales over time, and where the customers stand."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import NO_ORDERS
from orchestration.dashboard.kit.parts import Column, cards, chart, head, table
from orchestration.platform.markup import md

FIGURES = {
    "sales": "Sales",
    "buyers": "Buyers",
    "orders_per_buyer": "Orders per buyer",
    "average_order_value": "Average order value",
}
STATES = {
    "new": "New: first purchase lately",
    "active": "Active",
    "at_risk": "At risk: overdue",
    "lost": "Lost",
}


LOADED = {
    "source_system": Column("Source"), "table_name": Column("Table"), "rows_landed": Column("Rows", "count"),
    "loaded_at": Column("Loaded at (UTC)", "time"),
}  # fmt: skip
REFUSED = {
    "source_system": Column("Source"), "entity": Column("Entity"), "candidates": Column("Rows of the map", "count"),
    "accepted": Column("Accepted", "count"), "quarantined": Column("In quarantine", "count"),
}  # fmt: skip


def page() -> None:
    """Render the page."""
    build = head("Overview")
    grain = st.segmented_control("Period", ["month", "week", "quarter"], default="month", key="grain") or "month"
    tree = published.query(
        "select period_start, node_code, value, previous_value, is_complete from kpi_tree "
        "where dimension = 'all' and root_code = 'sales' and period_grain = $grain order by period_start",
        grain=grain,
    )
    if tree.empty:
        st.info(NO_ORDERS)
        return
    last_period(tree, grain, build.currency)
    st.subheader("Sales over time")
    sales = tree[tree["node_code"] == "sales"]
    chart(charts.area(sales, "period_start", "value", build.currency, "is_complete"))
    st.caption("Hollow points: periods that the data do not cover whole.")
    left, right = st.columns(2, gap="large")
    with left:
        customers(build.as_of)
    with right:
        recency_and_frequency()
    books()


def last_period(tree: pd.DataFrame, grain: str, currency: str) -> None:
    """The head figures of the last complete period against the one before."""
    complete = tree[tree["is_complete"]]
    last = (complete if not complete.empty else tree)["period_start"].max()
    what = "the last whole" if not complete.empty else "still open: no whole"
    st.markdown(md("**{period}**, {what} {grain}, against the {grain} before", period=charts.period(grain, last),
                   what=what, grain=grain))  # fmt: skip
    figures: dict[str, str] = {}
    deltas: dict[str, str | None] = {}
    for node, name in FIGURES.items():
        row = tree[(tree["period_start"] == last) & (tree["node_code"] == node)].iloc[0]
        unit = "money" if node in ("sales", "average_order_value") else "count"
        before = row["previous_value"]
        deltas[name] = f"{row['value'] / before - 1:+.1%}" if before and not pd.isna(before) else None
        figures[name] = charts.formatted(row["value"], unit, currency)
    cards(figures, deltas=deltas)


def customers(as_of: pd.Timestamp) -> None:
    """Customers by basic life-cycle state."""
    st.subheader("Where the customers stand")
    states = published.query(
        "select state_basic, count(*) as customers, sum(monetary) as sales from customer_lifecycle group by 1"
    ).set_index("state_basic")
    states = states.reindex(list(STATES)).fillna(0).reset_index()
    states["label"] = states["state_basic"].map(STATES)
    colours = [charts.STATE_COLOURS[s] for s in states["state_basic"]]
    chart(charts.bars(states, "label", "customers", colours))
    st.caption(md("Customers who ever bought, at {as_of:%d %b %Y}.", as_of=as_of))


def recency_and_frequency() -> None:
    """How many customers bought how lately and how often."""
    st.subheader("How lately, how often")
    grid = published.query(
        "select r_score as recency, f_score as frequency, count(*) as customers, avg(monetary) as spend "
        "from customer_lifecycle group by 1, 2"
    )
    chart(charts.heat(grid))
    st.caption("Customers by fifths: 5 is the most recent and the most frequent fifth.")


def books() -> None:
    """What was loaded, and what was refused."""
    with st.expander("Data behind this page"):
        loads = published.query(
            "select source_system, table_name, rows_landed, loaded_at from load_audit "
            "where (source_system, table_name, load_id) in "
            "(select (source_system, table_name, max(load_id)) from load_audit group by source_system, table_name) "
            "order by 1, 2"
        )
        refused = published.query(
            "select source_system, entity, sum(candidates)::bigint as candidates, sum(accepted)::bigint as accepted, "
            "sum(quarantined)::bigint as quarantined from conform_audit group by 1, 2 order by 1, 2"
        )
        left, right = st.columns(2)
        with left:
            table(loads, LOADED)
        with right:
            table(refused, REFUSED)
