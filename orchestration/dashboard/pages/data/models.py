"""Models: where each stands, how good it is on a window that it did not learn from, and which gates it passed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import STATUS, churn_standing
from orchestration.dashboard.kit.parts import Column, cards, chart, choose, head, table
from orchestration.platform.markup import literal, md

METRICS = {
    "auc": "AUC", "lift_10": "Lift at 10 %", "lift_20": "Lift at 20 %", "brier": "Brier score", "log_loss": "Log-loss",
    "calibration_error": "Calibration error",
}  # fmt: skip


def page() -> None:
    """Render the page."""
    head("Models")
    found = published.query("select * from model_card order by model, trained_at desc")
    if found.empty:
        st.info(
            published.hint(
                "No model yet. Run `regulars refresh`; a model is trained once a window after purchases is over."
            )
        )
        return
    for card in found[found["model"] == "value"].itertuples():
        st.markdown(md("**Value index** {version}: {message}.", version=card.version, message=card.message))
    trained = found[(found["model"] == "churn")]
    if trained.empty or trained["version"].iloc[0] == "none":
        why = str(trained["message"].iloc[0]) if len(trained) else "no churn model was tried yet"
        st.info(md("{why}. ", why=why[:1].upper() + why[1:]) + published.hint("`regulars retrain` tries again."))
        return
    version = choose("Churn model", trained["version"], key="version")
    card = trained.set_index("version").loc[version]
    passed = card["status"] in ("published", "superseded")
    said = md("**{status}**: {message}", status=STATUS.get(card["status"], card["status"]), message=card["message"])
    (st.success if passed else st.warning)(said)
    if len(published.query("select 1 from customer_churn limit 1")):
        churn_standing()
    facts(card)
    metrics(version)
    curves(version)
    st.subheader("Gates")
    gates = published.query("select gate, is_passed, message from model_gate where version = $version", version=version)
    if gates.empty:
        st.info("No model was trained, so there was nothing to judge.")
    else:
        gates["is_passed"] = gates["is_passed"].map({True: "✓ passed", False: "✗ failed"})
        table(gates, {"is_passed": Column("Verdict"), "gate": Column("Gate", "words"), "message": Column("Why")})
    st.subheader("What moves the scores")
    drivers = published.query(
        "select driver, weight from model_driver where version = $version order by weight desc", version=version
    )
    if drivers.empty:
        st.info("No model was trained, so there is nothing that moves its scores.")
    else:
        chart(charts.bars(drivers, "driver", "weight", [charts.MAIN] * len(drivers), 2))
        st.caption("Mean effect on a customer's log-odds.")


def facts(card: pd.Series) -> None:
    """What the model is."""
    rate = card["base_rate"]
    cards({"Horizon": f"{int(card['horizon_days'])} days", "Rows learned from": f"{int(card['training_rows']):,}",
           "Customers": f"{int(card['customers']):,}",
           "Churned, last window": "–" if pd.isna(rate) else f"{rate:.1%}"})  # fmt: skip


def metrics(version: str) -> None:
    """Metrics with their intervals, champion against challengers and the rule."""
    found = published.query("select * from model_metric where version = $version", version=version)
    if found.empty:
        return
    st.subheader("On the last finished window, which no model learned from")
    population = st.segmented_control("Customers", sorted(found["population"].unique(), reverse=True), key="population",
                                      default="everybody", format_func=literal)  # fmt: skip
    chosen = found[found["population"] == (population or "everybody")]
    shown = pd.DataFrame(
        {
            name: chosen[chosen["metric"] == metric].set_index("estimator").apply(
                lambda row: f"{row['value']:.3f}  [{row['low']:.3f}, {row['high']:.3f}]", axis=1
            )
            for metric, name in METRICS.items()
        }
    )  # fmt: skip
    columns = {"estimator": Column("Estimator")} | {name: Column(name) for name in METRICS.values()}
    table(shown.rename_axis("estimator").reset_index(), columns)
    st.caption("In brackets the middle 95 % of 200 bootstrap resamples of the customers.")


def curves(version: str) -> None:
    """Reliability and gains."""
    points = published.query("select * from model_curve where version = $version order by point", version=version)
    if points.empty:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Do probabilities hold?")
        chart(charts.lines(points[points["curve"] == "reliability"], "predicted probability", "observed rate"))
    with right:
        st.subheader("How many churners does a list find?")
        chart(
            charts.lines(points[points["curve"] == "gains"], "share of customers, riskiest first", "share of churners")
        )
