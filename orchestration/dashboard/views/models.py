"""Models: where each stands, how good it is on a window that it did not learn from, and which gates it passed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.shared import STATUS, churn_standing, head

METRICS = {
    "auc": "AUC", "lift_10": "Lift at 10 %", "lift_20": "Lift at 20 %", "brier": "Brier score", "log_loss": "Log-loss",
    "calibration_error": "Calibration error",
}  # fmt: skip


def page() -> None:
    """Render the page."""
    head("Models")
    cards = published.query("select * from model_card order by model, trained_at desc")
    if cards.empty:
        st.info("No model yet. Run: regulars refresh")
        return
    for card in cards[cards["model"] == "value"].itertuples():
        st.markdown(f"**Value index** `{card.version}`: {card.message}.")
    trained = cards[(cards["model"] == "churn")]
    if trained["version"].iloc[0] == "none":
        st.info(str(trained["message"].iloc[0]).capitalize())
        return
    version = st.selectbox("Churn model", list(trained["version"]), key="version")
    card = trained.set_index("version").loc[version]
    passed = card["status"] in ("published", "superseded")
    (st.success if passed else st.warning)(f"**{STATUS.get(card['status'], card['status'])}**: {card['message']}")
    if len(published.query("select 1 from customer_churn limit 1")):
        churn_standing()
    facts(card)
    metrics(version)
    curves(version)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Gates")
        gates = published.query(
            "select gate, is_passed, message from model_gate where version = $version", version=version
        )
        gates["is_passed"] = gates["is_passed"].map({True: "✓ passed", False: "✗ failed"})
        gates.columns = ["gate", "verdict", "why"]
        st.dataframe(gates, hide_index=True, width="stretch")
    with right:
        st.subheader("What moves the scores")
        drivers = published.query(
            "select driver, weight from model_driver where version = $version order by weight desc", version=version
        )
        if not drivers.empty:
            st.plotly_chart(charts.bars(drivers, "driver", "weight", [charts.MAIN] * len(drivers), 2), width="stretch")
            st.caption("Mean effect on a customer's log-odds.")


def facts(card: pd.Series) -> None:
    """What the model is."""
    columns = st.columns(4)
    columns[0].metric("Horizon", f"{int(card['horizon_days'])} days", border=True)
    columns[1].metric("Learned from", f"{int(card['training_rows']):,} rows", border=True)
    columns[2].metric("Customers", f"{int(card['customers']):,}", border=True)
    rate = card["base_rate"]
    columns[3].metric("Churned, last window", "–" if pd.isna(rate) else f"{rate:.1%}", border=True)


def metrics(version: str) -> None:
    """Metrics with their intervals, champion against challengers and the rule."""
    found = published.query("select * from model_metric where version = $version", version=version)
    if found.empty:
        return
    st.subheader("On the last finished window, which no model learned from")
    population = st.segmented_control("Customers", sorted(found["population"].unique(), reverse=True), key="population",
                                      default="everybody")  # fmt: skip
    chosen = found[found["population"] == (population or "everybody")]
    table = pd.DataFrame(
        {
            name: chosen[chosen["metric"] == metric].set_index("estimator").apply(
                lambda row: f"{row['value']:.3f}  [{row['low']:.3f}, {row['high']:.3f}]", axis=1
            )
            for metric, name in METRICS.items()
        }
    )  # fmt: skip
    st.dataframe(table.reset_index(), hide_index=True, width="stretch")
    st.caption("In brackets the middle 95 % of 200 bootstrap resamples of the customers.")


def curves(version: str) -> None:
    """Reliability and gains."""
    points = published.query("select * from model_curve where version = $version order by point", version=version)
    if points.empty:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Do probabilities hold?")
        st.plotly_chart(
            charts.lines(points[points["curve"] == "reliability"], "predicted probability", "observed rate"),
            width="stretch",
        )
    with right:
        st.subheader("How many churners does a list find?")
        st.plotly_chart(
            charts.lines(points[points["curve"] == "gains"], "share of customers, riskiest first", "share of churners"),
            width="stretch",
        )
