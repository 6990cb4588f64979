"""Life cycle: how many customers are where, what they are worth, and who they are."""

from __future__ import annotations

import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.overview import STATES
from orchestration.dashboard.views.shared import head, take_away

SUMMARY = """
select state_basic, count(*) as customers, sum(monetary)::double as sales, median(recency_days) as recency_days,
  avg(frequency) as orders, sum(monetary)::double / count(*) as sales_each
from customer_lifecycle group by 1
"""
LIST = """
select lifecycle.customer_key, string_agg(distinct xref.customer_id, ', ' order by xref.customer_id) as customer_ids,
  recency_days, frequency as orders, monetary as sales, r_score, f_score, m_score,
  last_purchase_on::varchar as last_purchase
from customer_lifecycle as lifecycle
left join (select * from customer_xref where valid_to is null) as xref using (customer_key)
where state_basic = $state
group by all order by sales desc, customer_key
"""
COHORTS = """
select date_trunc('quarter', first_purchase_on)::date as first_purchase, state_basic, count(*) as customers
from customer_lifecycle group by 1, 2 order by 1
"""


def page() -> None:
    """Render the page."""
    build = head("Life cycle")
    states = published.query(SUMMARY).set_index("state_basic")
    if states.empty:
        st.info("Nobody has bought yet. Map a source to sales_order and order_line, then run: regulars refresh")
        return
    counts = {str(state): int(count) for state, count in states["customers"].items()}
    for column, (state, name) in zip(st.columns(len(STATES)), STATES.items(), strict=True):
        column.metric(name, f"{counts.get(state, 0):,}", border=True)
    left, right = st.columns(2, gap="large")
    shown = states.reindex([s for s in STATES if s in states.index]).reset_index()
    shown["label"] = shown["state_basic"].map(STATES)
    with left:
        st.subheader("Sales so far, by state")
        colours = [charts.STATE_COLOURS[s] for s in shown["state_basic"]]
        st.plotly_chart(charts.bars(shown, "label", "sales", colours), width="stretch")
    with right:
        st.subheader("When they came, where they are now")
        st.plotly_chart(charts.stacked(published.query(COHORTS), list(STATES)), width="stretch")
    table = shown[["label", "customers", "sales", "sales_each", "orders", "recency_days"]].copy()
    table["sales"] = [charts.money(v, build.currency) for v in table["sales"]]
    table["sales_each"] = [charts.money(v, build.currency) for v in table["sales_each"]]
    table["orders"] = table["orders"].round(1)
    table.columns = ["state", "customers", "sales", "sales each", "orders each", "median days since purchase"]
    st.dataframe(table, hide_index=True, width="stretch")
    st.subheader("Who they are")
    chosen = st.selectbox("State", list(shown["state_basic"]), format_func=STATES.__getitem__, key="state")
    take_away(published.query(LIST, state=chosen), f"lifecycle_{chosen}")
