"""One customer: profile, value, warnings, timeline, and why their records are one."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.shared import head

FIND = """
select distinct customer_key from customer_xref
where valid_to is null and (customer_id = $text or cast(customer_key as varchar) = $text
  or cast(source_customer_key as varchar) = $text)
order by 1 limit 20
"""
RECORDS = """
select source_system, customer_id, rule, round(weight, 1) as weight, valid_from as since, valid_to as until
from customer_xref
where source_customer_key in (select source_customer_key from customer_xref where customer_key = $key)
order by valid_to nulls first, source_system, customer_id
"""
PAIRS = """
select left_system, right_system, left_source_key, right_source_key, kind, standing, rule, weight, evidence
from identity_pair where $key in (left_customer_key, right_customer_key)
order by is_linked desc, weight desc
"""
TIMELINE = """
select occurred_at, kind, channel, department, summary from customer_timeline
where customer_key = $key and ($kind = 'all' or kind = $kind) order by newest_first limit 500
"""


def page() -> None:
    """Render the page."""
    build = head("Customer")
    text = st.text_input(
        "Customer key, or the id that a source system's record is published under", key="customer", placeholder="…"
    ).strip()
    if not text:
        richest = published.query("select customer_key from customer_360 order by monetary desc nulls last limit 1")
        if richest.empty:
            st.info("There are no customers yet.")
            return
        st.caption(f"For instance {richest['customer_key'].iloc[0]}, who has spent the most.")
        return
    found = published.query(FIND, text=text)["customer_key"].tolist()
    if not found:
        st.info(f"No customer is known by '{text}'. Records that were merged are found by their own keys, too.")
        return
    key = found[0] if len(found) == 1 else st.selectbox("Several customers", found, key="which")
    show(int(key), build.currency)


def show(key: int, currency: str) -> None:
    """Everything about one customer."""
    view = published.query("select * from customer_360 where customer_key = $key", key=key)
    if view.empty:
        st.info("This customer has no row yet; refresh first.")
        return
    row = view.iloc[0]
    cards = {
        "Spent": charts.money(float(row["monetary"]), currency) if pd.notna(row["monetary"]) else "–",
        "Orders": f"{int(row['frequency'])}" if pd.notna(row["frequency"]) else "0",
        "State": row["state_basic"] or "–",
        "Value tier": row["index_tier"] or "–",
        "Churn warning": row["warning_level"] or "–",
        "Open complaints": f"{int(row['open_complaints'])}",
    }
    for column, (name, value) in zip(st.columns(len(cards)), cards.items(), strict=True):
        column.metric(name, value, border=True)
    if row["flags"]:
        st.warning(f"Mind: **{row['flags']}**")
    said = [
        f"Next best action: **{row['next_best_action']}**" if row["next_best_action"] else "",
        f"comes through **{row['preferred_channel']}**" if row["preferred_channel"] else "",
        f"an offer is open since {row['open_offer_since']:%d %B %Y}" if pd.notna(row["open_offer_since"]) else "",
        f"last said: {row['last_said']} ({row['last_said_channel']})" if row["last_said"] else "",
    ]
    st.markdown("; ".join(part for part in said if part) or "Nothing has been said to this customer yet.")
    profile = view[["customer_type", "gender", "birth_year", "city", "country", "occupation", "industry", "status",
                    "completeness_score", "validity_score", "source_records"]]  # fmt: skip
    st.dataframe(profile, hide_index=True, width="stretch")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Timeline")
        kinds = published.query(
            "select distinct kind from customer_timeline where customer_key = $key order by 1", key=key
        )
        kind = st.selectbox("Kind", ["all", *kinds["kind"].tolist()], key="kind")
        timeline = published.query(TIMELINE, key=key, kind=kind)
        if timeline.empty:
            st.info("Nothing has happened with this customer yet.")
        else:
            st.dataframe(timeline, hide_index=True, width="stretch")
    with right:
        st.subheader("Records")
        st.dataframe(published.query(RECORDS, key=key), hide_index=True, width="stretch")
        explain(published.query(PAIRS, key=key))


def explain(pairs: pd.DataFrame) -> None:
    """Why two records are one customer, or are not: the weight of each comparison."""
    if pairs.empty:
        st.caption("No other record was like any of these.")
        return
    labels = [
        f"{p.left_system} – {p.right_system}: {p.standing}, weight {p.weight:.1f}"
        for p in pairs.itertuples(index=False)
    ]
    chosen = st.selectbox("Why", range(len(labels)), format_func=labels.__getitem__, key="pair")
    pair = pairs.iloc[chosen]
    rows = evidence(pair["evidence"])
    prior = float(pair["weight"]) - float(rows["weight"].sum())
    start = pd.DataFrame([{"comparison": "before any comparison", "level": "", "weight": prior}])
    st.plotly_chart(charts.weights(pd.concat([start, rows])), width="stretch")
    st.caption("Log2 odds that both are one customer: +1 doubles them. From 0 on two groups of records are one.")


def evidence(text: str) -> pd.DataFrame:
    """Comparisons of a pair: name, level in words, weight with the adjustment for rarity."""
    rows = [
        {"comparison": name.replace("_", " "), "level": level, "weight": float(weight) + float(rarity)}
        for name, (level, weight, rarity) in json.loads(text).items()
    ]
    return pd.DataFrame(rows, columns=["comparison", "level", "weight"])
