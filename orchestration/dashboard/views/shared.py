"""What several pages show: the head of a page, where the scores stand, customer lists to take away."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard import published
from orchestration.literals import no_formula

STATUS = {
    "published": "passed its gates and scores",
    "superseded": "passed, and was replaced by a newer one",
    "refused": "did not pass its gates",
    "not_enough_data": "could not be trained",
}


def head(title: str) -> published.Build:
    """Title of a page, and the build behind its figures."""
    build = published.build()
    st.title(title)
    st.caption(f"{build.title}, as of {build.as_of:%d %B %Y}, data version {build.version}")
    return build


def churn_standing() -> None:
    """Say where the churn scores come from, and warn where they are no model's or are old."""
    state = published.query(
        "select any_value(is_baseline) as is_baseline, any_value(is_stale) as is_stale, "
        "any_value(scored_as_of) as scored_as_of, any_value(model_version) as version, "
        "any_value(horizon_days) as horizon from customer_churn"
    ).iloc[0]
    message = published.query("select message from model_card where model = 'churn' order by trained_at desc limit 1")
    why = message["message"].iloc[0] if len(message) else ""
    if state["is_baseline"]:
        st.warning(
            f"**Observed rates, no model.** The share of customers who did not buy for {state['horizon']} days, by how "
            f"long ago the last purchase was. {why[0].upper()}{why[1:]}."
        )
    elif state["is_stale"]:
        st.warning(f"**Scores of {state['scored_as_of']:%d %B %Y}**, the last good ones. {why[0].upper()}{why[1:]}.")
    else:
        st.caption(
            f"Model `{state['version']}`: probability of no purchase in the next {state['horizon']} days. "
            "How good it is: page Models."
        )


def safe_csv(frame: pd.DataFrame) -> bytes:
    """A list as CSV for a spreadsheet; text that it would run as a formula is quoted."""
    texts = frame.select_dtypes(include=["object", "string"]).columns
    safe = frame.copy()
    for name in texts:
        safe[name] = safe[name].map(no_formula)
    return safe.to_csv(index=False).encode("utf-8-sig")


def take_away(frame: pd.DataFrame, name: str) -> None:
    """A customer list on the page, and as a file."""
    st.dataframe(frame, hide_index=True, width="stretch", height=min(38 * (len(frame) + 1), 420))
    st.download_button(
        f"Download {len(frame):,} customers (CSV)", safe_csv(frame), file_name=f"{name}.csv", mime="text/csv"
    )
