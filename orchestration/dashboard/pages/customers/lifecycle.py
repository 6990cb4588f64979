"""Life cycle: how many customers are where, what they are worth, and who they are."""

from __future__ import annotations

import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import IDS, NO_ORDERS, WHO
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, cards, chart, choose, head, table, take_away
from orchestration.dashboard.pages.sales.overview import STATES

SUMMARY = """
select state_basic, count(*) as customers, sum(monetary)::double as sales, median(recency_days) as recency_days,
  avg(frequency) as orders, sum(monetary)::double / count(*) as sales_each
from customer_lifecycle group by 1
"""
LIST = """
select lifecycle.customer_key, string_agg(distinct xref.customer_id, ', ' order by xref.customer_id) as customer_ids,
  recency_days, frequency, monetary, r_score, f_score, m_score, last_purchase_on
from customer_lifecycle as lifecycle
left join (select * from customer_xref where valid_to is null) as xref using (customer_key)
where state_basic = $state
group by all order by monetary desc, customer_key
"""
SUMMARY_COLUMNS = {
    "label": Column("State"), "customers": Column("Customers", "count"), "sales": Column("Sales", "money"),
    "sales_each": Column("Sales each", "money"), "orders": Column("Orders each", "number"),
    "recency_days": Column("Median days since purchase", "count"),
}  # fmt: skip
COLUMNS = WHO | {
    "monetary": Column("Sales", "money"), "frequency": Column("Orders", "count"),
    "last_purchase_on": Column("Last purchase", "day"), "recency_days": Column("Days since purchase", "count"),
    "r_score": Column("Recency (1 to 5)", "count"), "f_score": Column("Frequency (1 to 5)", "count"),
    "m_score": Column("Monetary (1 to 5)", "count"),
} | IDS  # fmt: skip
COHORTS = """
select date_trunc('quarter', first_purchase_on)::date as first_purchase, state_basic, count(*) as customers
from customer_lifecycle group by 1, 2 order by 1
"""


def page() -> None:
    """Render the page."""
    build = head("Life cycle")
    states = published.query(SUMMARY).set_index("state_basic")
    if states.empty:
        st.info(published.hint(NO_ORDERS))
        return
    counts = {str(state): int(count) for state, count in states["customers"].items()}
    cards({name: f"{counts.get(state, 0):,}" for state, name in STATES.items()})
    left, right = st.columns(2, gap="large")
    shown = states.reindex([s for s in STATES if s in states.index]).reset_index()
    shown["label"] = shown["state_basic"].map(STATES)
    with left:
        st.subheader("Sales so far, by state")
        colours = [charts.STATE_COLOURS[s] for s in shown["state_basic"]]
        chart(charts.bars(shown, "label", "sales", colours, currency=build.currency))
    with right:
        st.subheader("When they came, where they are now")
        chart(charts.stacked(published.query(COHORTS), list(STATES)))
    table(shown, SUMMARY_COLUMNS, build.currency)
    st.subheader("Who they are")
    chosen = choose("State", list(shown["state_basic"]), STATES.__getitem__, key="state")
    take_away(published.query(LIST, state=chosen), f"lifecycle_{chosen}", COLUMNS, build.currency)


PAGE = Page(page, "Life cycle", "autorenew", "life-cycle", place=30)
