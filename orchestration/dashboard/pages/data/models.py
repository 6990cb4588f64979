"""Models: where each stands, how good it is on a window that it did not learn from, and which gates it passed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import STATUS, standing
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, cards, chart, choose, head, table
from orchestration.platform.markup import literal, md
from orchestration.scoring.registry import Learning, Score, headline, learned, metric_title, scores


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
    for name, score in scores().items():
        if score.learning is None:
            for card in found[found["model"] == name].itertuples():
                st.markdown(md("**{title}** {version}: {message}.", title=score.title, version=card.version,
                               message=card.message))  # fmt: skip
    names = list(learned())
    name = choose("Score", names, lambda n: scores()[n].title, key="score") if len(names) > 1 else names[0]
    learned_page(scores()[name], found[found["model"] == name])


def learned_page(score: Score, trained: pd.DataFrame) -> None:
    """Where a learned score stands, and how good its trainings are."""
    assert score.learning is not None
    if trained.empty or trained["version"].iloc[0] == "none":
        why = str(trained["message"].iloc[0]) if len(trained) else "none was tried yet"
        st.info(md("{title}: {why}. ", title=score.title, why=why) + published.hint("`regulars retrain` tries again."))
        return
    version = choose(f"Model: {score.title}", trained["version"], key="version")
    card = trained.set_index("version").loc[version]
    passed = card["status"] in ("published", "superseded")
    said = md("**{status}**: {message}", status=STATUS.get(card["status"], card["status"]), message=card["message"])
    (st.success if passed else st.warning)(said)
    standing(score)
    facts(card, score.learning)
    metrics(card, score.learning)
    curves(card)
    st.subheader("Gates")
    gates = of_training("select gate, is_passed, message from model_gate", card)
    if gates.empty:
        st.info("No model was trained, so there was nothing to judge.")
    else:
        gates["is_passed"] = gates["is_passed"].map({True: "✓ passed", False: "✗ failed"})
        table(gates, {"is_passed": Column("Verdict"), "gate": Column("Gate", "words"), "message": Column("Why")})
    st.subheader("What moves the scores")
    drivers = of_training("select driver, weight from model_driver", card, "weight desc")
    if drivers.empty:
        st.info("No model was trained, so there is nothing that moves its scores.")
    else:
        chart(charts.bars(drivers, "driver", "weight", [charts.MAIN] * len(drivers), 2))
        st.caption("Mean effect on a customer; of probabilities on their log-odds.")


def of_training(sql: str, card: pd.Series, order: str = "all") -> pd.DataFrame:
    """What a query tells of one training."""
    return published.query(
        f"{sql} where model = $model and version = $version order by {order}", model=card["model"], version=card.name
    )


def facts(card: pd.Series, learning: Learning) -> None:
    """What the model is."""
    rate = card["base_rate"]
    last = f"{learning.outcome.capitalize()}, last window" if learning.kind == "binary" else "Mean, last window"
    cards({"Horizon": f"{int(card['horizon_days'])} days", "Rows learned from": f"{int(card['training_rows']):,}",
           "Customers": f"{int(card['customers']):,}",
           last: "–" if pd.isna(rate) else f"{rate:.1%}" if learning.kind == "binary" else f"{rate:,.2f}"})  # fmt: skip


def metrics(card: pd.Series, learning: Learning) -> None:
    """Metrics with their intervals, champion against challengers and the rule."""
    found = of_training("select * from model_metric", card)
    wanted = headline(learning) or tuple(sorted(found["metric"].unique()))
    titles = {metric: metric_title(metric) for metric in wanted}
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
            for metric, name in titles.items()
        }
    )  # fmt: skip
    columns = {"estimator": Column("Estimator")} | {name: Column(name) for name in titles.values()}
    table(shown.rename_axis("estimator").reset_index(), columns)
    st.caption("In brackets the middle 95 % of 200 bootstrap resamples of the customers.")


def curves(card: pd.Series) -> None:
    """Reliability and gains."""
    points = of_training("select * from model_curve", card, "point")
    if points.empty:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Do predictions hold?")
        chart(charts.lines(points[points["curve"] == "reliability"], "predicted", "observed"))
    with right:
        st.subheader("How much does a list find?")
        chart(
            charts.lines(
                points[points["curve"] == "gains"], "share of customers, highest first", "share of the outcome"
            )
        )


PAGE = Page(page, "Models", "model_training", "models", place=80)
