"""Churn warning: levels, what drives them, and the red alerts with their reasons."""

from __future__ import annotations

import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import GOOD, IDS, NO_SCORES, WHO, WHY, churn_standing
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, cards, chart, choose, head, take_away

LEVELS = {"normal": "Normal", "prevent": "Prevent", "retain": "Retain", "win_back": "Win back"}
COLOURS = {"normal": charts.UP, "prevent": "#e0a526", "retain": "#dd7b45", "win_back": charts.DOWN}
REASONS = """
with told as (
  select unnest([theme_1, theme_2, theme_3]) as theme, unnest([share_1, share_2, share_3]) as share
  from customer_churn where $level in ('all', warning_level)
)
select theme, sum(share) as weight from told where theme is not null group by 1 order by 2 desc
"""
LIST = """
select churn.customer_key, string_agg(distinct xref.customer_id, ', ' order by xref.customer_id) as customer_ids,
  churn.churn_probability, churn.probability_before, churn.was_red_before, churn.recency_days,
  churn.reason_1, churn.reason_2, churn.reason_3
from customer_churn as churn left join (select * from customer_xref where valid_to is null) as xref using (customer_key)
where churn.warning_level = $level
group by all order by churn_probability desc, customer_key
"""
COLUMNS = WHO | {
    "churn_probability": Column("Probability", "share"),
    "probability_before": Column("A period ago", "share"),
    "recency_days": Column("Days since purchase", "count"),
    **WHY,
    "was_red_before": Column("Was red before", "flag"),
} | IDS  # fmt: skip


def page() -> None:
    """Render the page."""
    head("Churn warning")
    levels = published.query("select warning_level, count(*) as customers from customer_churn group by 1").set_index(
        "warning_level"
    )
    if levels.empty:
        st.info(NO_SCORES)
        return
    churn_standing(GOOD)
    counts = levels["customers"].reindex(list(LEVELS)).fillna(0).astype(int)
    whole = max(counts.sum(), 1)
    cards({f"{name}, {counts[level] / whole:.1%}": f"{counts[level]:,}" for level, name in LEVELS.items()})
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How probabilities are spread")
        spread = published.query(
            "select floor(churn_probability * 20) / 20 as probability, warning_level, count(*) as customers "
            "from customer_churn group by 1, 2 order by 1"
        )
        chart(charts.spread(spread, COLOURS))
    with right:
        st.subheader("What raises the risk")
        chosen = choose("Among", ["all", *LEVELS], lambda v: LEVELS.get(v, "All customers"), key="among")
        reasons = published.query(REASONS, level=chosen)
        if reasons.empty:
            st.info("Nobody is at this level.")
        else:
            reasons["weight"] = 100 * reasons["weight"] / reasons["weight"].sum()
            chart(charts.bars(reasons, "theme", "weight", [charts.MAIN] * len(reasons)))
            st.caption(
                "Share in what raises customers' risk above the mean customer's, in percent, of their three reasons."
            )
    st.subheader("Who, and why")
    level = choose("Level", list(LEVELS), LEVELS.__getitem__, index=3 if counts["win_back"] else 0, key="level")
    if counts[level]:
        take_away(published.query(LIST, level=level), f"churn_{level}", COLUMNS)
    else:
        st.info("Nobody is at this level.")


PAGE = Page(page, "Churn warning", "warning", "churn", place=50)
