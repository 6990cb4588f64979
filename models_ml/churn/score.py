"""Churn warning: who will not buy within the horizon."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from models_ml.common.declare import Column, Estimator, Label, LearnedBlock, Learning, Part, Score, SqlValue


class Settings(LearnedBlock):
    """What counts as churn, and when it alarms."""

    horizon_days: int | Literal["auto"] = Field(
        default="auto", description="no purchase for so long is churn; auto: from the customers' own rhythm"
    )
    prevent_from: float = Field(default=0.3, gt=0, lt=1, description="churn probability from which to prevent")
    retain_from: float = Field(
        default=0.6, gt=0, lt=1, description="from which to retain; to win back, where the horizon has passed already"
    )

    @field_validator("horizon_days")
    @classmethod
    def horizon(cls, value: int | str) -> int | str:
        """At least a day, at most ten years."""
        if isinstance(value, int) and not 1 <= value <= 3_650:
            raise ValueError("auto, or 1 to 3650 days")
        return value

    @model_validator(mode="after")
    def check(self) -> Settings:
        """Retaining starts above preventing."""
        if self.retain_from <= self.prevent_from:
            raise ValueError("retain_from greater than prevent_from")
        return self

    def sql(self) -> dict[str, SqlValue]:
        """Horizon and bounds of the levels."""
        return {
            "churn_horizon_days": ("integer", None if self.horizon_days == "auto" else self.horizon_days),
            "prevent_from": ("double", self.prevent_from),
            "retain_from": ("double", self.retain_from),
        }


REASONS = tuple(
    Column(f"{name}_{number}", "double" if name == "share" else "varchar", text.format(number))
    for name, text in (
        ("reason", "Reason {} that raises the risk, in words"),
        ("theme", "Theme of reason {}, by name"),
        ("share", "Share of reason {} in what raises the customer's log-odds"),
    )
    for number in (1, 2, 3)
)

SCORE = Score(
    name="churn",
    title="Churn",
    description="One row per customer: probability of no purchase within the horizon, and its reasons.",
    unit=("customer_key",),
    features=("feat_rhythm", "feat_cutoff", "feat_churn_label", "feat_customer_cutoff"),
    prediction="churn_probability",
    carried=("recency_days",),
    columns=(
        Column("churn_probability", "double", "Probability of no purchase within the horizon", is_required=True),
        Column("recency_days", "integer", "Days since the last purchase, four horizons at most", is_required=True),
        *REASONS,
    ),
    settings=Settings,
    mart="customer_churn",
    learning=Learning(
        kind="binary",
        population="feat_customer_cutoff",
        cutoffs="feat_cutoff",
        target=Label("feat_churn_label", "churned"),
        candidates={
            "logistic regression": Estimator("models_ml.common.additive:RankLogistic"),
            "boosting": Estimator("models_ml.common.additive:AdditiveBoosting"),
        },
        baselines={
            "recency rule": Estimator("models_ml.common.baselines:ObservedRates", features=("recency_days",)),
        },
        loss="log_loss",
        metrics=(
            "auc", "pr_auc", "log_loss", "brier", "calibration_error", "lift_5", "lift_10", "lift_20", "lift_50",
        ),
        headline=("auc", "lift_10", "lift_20", "brier", "log_loss", "calibration_error"),
        gates=("beats_baseline", "calibrated", "plausible", "stable_ranking", "complete", "stable_scores"),
        # More among those who still buy, whose behaviour moves the most.
        bounds={"calibrated": 0.05, "calibrated_buying": 0.08},
        part=Part("buying", "bought within the horizon", "recency_days"),
        reasons="models_ml.churn.reasons",
        is_seasonal=True,
        leads_horizon=True,
        means="probability of no purchase in the next {horizon} days",
        baseline_means="The share of customers who did not buy for {horizon} days, by how long ago the last purchase "
        "was",
        label="no purchase for {horizon} days",
        outcome="churned",
    ),
)  # fmt: skip
