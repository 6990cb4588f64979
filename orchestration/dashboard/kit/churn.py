"""What several pages show: where the scores stand, the columns of customer lists, what to do where there is nothing."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import published
from orchestration.dashboard.kit.parts import Column
from orchestration.platform.markup import md
from orchestration.scoring.registry import Score, scores

STATUS = {
    "published": "passed its gates and scores",
    "provisional": "scores: its order is better than observed rates, its probabilities are not shown",
    "superseded": "passed, and was replaced by a newer one",
    "refused": "did not pass its gates",
    "not_enough_data": "could not be trained",
}
WHO = {"customer_key": Column("Customer", "customer")}
IDS = {"customer_ids": Column("Ids in the sources")}  # the last of a list: there may be many
WHY = {f"reason_{n}": Column(f"Reason {n}") for n in (1, 2, 3)}
GOOD = "How good it is: page Models."
YEAR = 365  # days of purchases from which a margin of the next twelve months is told, as in customer_value
NO_ORDERS = (
    "Nobody has bought yet. Map a source to `sales_order` and `order_line` in `data/companies/<company>/sources/`, "
    "then run `regulars refresh`. A draft of the maps: `regulars source suggest`."
)
NO_SCORES = (
    "No scores yet: nobody has bought, or no window after a purchase is over. When there are, the next "
    "`regulars refresh` makes them; page Models says what is missing."
)


def margin_standing() -> None:
    """Say why no margin of the next twelve months is told, where none is, and what amounts at risk rest on."""
    found = published.query(
        "select count(expected_margin_amount) as told, count(*) as customers, "
        "(select min(first_purchase_on) from customer_lifecycle) as first_day from customer_value"
    ).iloc[0]
    days = (published.build().as_of - pd.Timestamp(found["first_day"])).days + 1 if found["customers"] else 0
    if found["told"] or not days:
        return
    if days < YEAR:
        why = f"only {days} days of purchases are known. The amounts at risk scale these to a year"
    else:
        why = "no churn model passed its gates. The amounts at risk rest on observed rates"
    st.warning(md("No margin of the next 12 months is told: {why}.", why=why))


def churn_standing(where: str = "") -> None:
    """Say where the churn scores come from, and warn where they are no model's or are old; see `standing`."""
    standing(scores()["churn"], where)


def standing(score: Score, where: str = "") -> None:
    """Say where the scores that are shown come from, and warn where they are no model's or are old; nothing without.

    Args:
        score: which.
        where: what else is said where all is well.
    """
    assert score.learning is not None
    states = published.query(
        "select score_basis, is_stale, scored_as_of, model_version as version, horizon_days as horizon "
        f"from {score.published_as} group by all order by count(*) desc, version limit 1"
    )
    if states.empty:
        return
    state = states.iloc[0]
    message = published.query(
        "select message from model_card where model = $model order by trained_at desc limit 1", model=score.name
    )
    why = message["message"].iloc[0] if len(message) else ""
    why = why[:1].upper() + why[1:]
    means, rule = (
        text.format(horizon=state["horizon"]) for text in (score.learning.means, score.learning.baseline_means)
    )
    if state["score_basis"] == "baseline":
        st.warning(md("**Observed rates, no model.** {rule}. {why}.", rule=rule, why=why))
    elif state["score_basis"] == "provisional":
        st.warning(
            md("**A provisional model.** Its order of customers is better than {observed}; its figures are "
               "dealt out of these, so that each level has its usual share. {why}.",
               observed=score.learning.baseline_name, why=why)
        )  # fmt: skip
    elif state["is_stale"]:
        st.warning(md("**Scores of {day:%d %B %Y}**, the last good ones. {why}.", day=state["scored_as_of"], why=why))
    else:
        st.caption(md("Model {version}: {means}. {where}", version=state["version"], means=means, where=where))
