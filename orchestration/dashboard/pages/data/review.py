"""The review: pairs of records that may be one customer, side by side, with decisions to take away."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, chart, head, safe_csv, table
from orchestration.dashboard.pages.customers.customer import evidence
from orchestration.platform.markup import md

PAIRS = """
select gain, probability, weight, left_system, left_customer_id, right_system, right_customer_id, evidence
from review_pair order by gain desc, left_system, left_customer_id, right_system, right_customer_id limit $most
"""
RECORD = """
select * replace (birth_date::varchar as birth_date) from record
where source_system = $system and customer_id = $id limit 1
"""
COUNT = "select count(*) as pairs from identity_pair where standing = 'review'"
HIDDEN = ["customer_key", "source_customer_key", "email_key", "phone_keys"]
MOST = 200
SIDES = {"field": Column("Field"), "left": Column("One record"), "right": Column("The other"),
         "differs": Column("Differs")}  # fmt: skip
CHOICES = {"": "–", "same": "one customer", "different": "two customers"}


def page() -> None:
    """Render the page."""
    head("Review")
    open_pairs = int(published.query(COUNT)["pairs"].iloc[0])
    st.markdown(md("**{pairs:,}** pairs of records are neither surely one customer nor surely two.", pairs=open_pairs))
    if not published.has_grant():
        st.info(published.hint(
            "Deciding needs names and addresses, which this dashboard does not show. Start it with "
            "`regulars dashboard --contacts`, or work on a file: `regulars review export pairs.xlsx`."
        ))  # fmt: skip
        return
    pairs = published.contacts(PAIRS, most=MOST)
    if pairs.empty:
        st.success("Nothing is open: every pair of records is surely one customer or surely two, or was decided.")
        return
    published.note_look("review")
    decided: dict[int, str] = st.session_state.setdefault("decisions", {})
    asked = md("Pair, of the {pairs} that gain most", pairs=len(pairs))
    place = st.number_input(asked, 1, len(pairs), key="place") - 1
    pair = pairs.iloc[int(place)]
    st.caption(md("Probability {probability:.0%}, weight {weight:.1f}; gain of an answer {gain:.2f}",
                  probability=pair["probability"], weight=pair["weight"], gain=pair["gain"]))  # fmt: skip
    left, right = st.columns([3, 2], gap="large")
    with left:
        table(side_by_side(pair).reset_index(), SIDES)
    with right:
        choice = st.radio("Decision", list(CHOICES), format_func=CHOICES.__getitem__, horizontal=True,
                          index=list(CHOICES).index(decided.get(int(place), "")), key=f"decision{place}")  # fmt: skip
        if choice:
            decided[int(place)] = choice
        else:
            decided.pop(int(place), None)
        rows = evidence(pair["evidence"])
        prior = float(pair["weight"]) - float(rows["weight"].sum())
        start = pd.DataFrame([{"comparison": "before any comparison", "level": "", "weight": prior}])
        chart(charts.weights(pd.concat([start, rows])))
    if decided:
        chosen = pairs.iloc[sorted(decided)].drop(columns=["evidence"])
        chosen["decision"] = [decided[number] for number in sorted(decided)]
        st.download_button(
            md("Download {n} decision(s) (CSV)", n=len(chosen)), safe_csv(chosen), "decisions.csv", "text/csv"
        )
        st.caption(
            published.hint("They take effect with `regulars review import decisions.csv` and the refresh after it.")
        )


def side_by_side(pair: pd.Series) -> pd.DataFrame:
    """Both records, a row per field that either fills."""
    sides = {}
    for side in ("left", "right"):
        system, customer_id = pair[f"{side}_system"], pair[f"{side}_customer_id"]
        found = published.contacts(RECORD, system=system, id=customer_id).drop(columns=HIDDEN)
        sides[side] = found.iloc[0] if len(found) else pd.Series(dtype=object)
    frame = pd.DataFrame(sides).dropna(how="all").astype(object).map(lambda v: "" if pd.isna(v) else str(v))
    frame["differs"] = (frame["left"] != frame["right"]).map({True: "≠", False: ""})
    frame.index = pd.Index([str(name).replace("_", " ") for name in frame.index], name="field")
    return frame


PAGE = Page(page, "Review", "compare_arrows", "review", place=70)
