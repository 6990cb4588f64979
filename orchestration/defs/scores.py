"""Scores as assets, with each gate of the churn model as an asset check."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, user_errors
from orchestration.scoring.run import TABLES

FEATURES = ("feat_rhythm", "feat_cutoff", "feat_churn_label", "feat_customer_cutoff", "feat_customer_value")
DESCRIPTIONS = {
    "churn": "One row per customer: probability of no purchase within the horizon, and its reasons.",
    "value": "One row per customer: the five parts of the value index, index and tier.",
    "value_sensitivity": "One row per part and factor: how many tiers change with that weight.",
    "model_run": "One row per training of a model.",
    "model_metric": "One row per model, estimator and metric on the last finished window.",
    "model_gate": "One row per model and gate.",
    "model_curve": "One row per point of the plots on a model card.",
    "model_driver": "One row per model and theme: how much it moves the scores.",
}
GATES = (
    "beats_baseline", "beats_baseline_buying", "calibrated", "calibrated_buying", "plausible", "stable_ranking",
    "complete", "stable_scores", "still_better", "not_worse_champion",
)  # fmt: skip
CHURN = dg.AssetKey(["scores", "churn"])


def build(_: CompanyConfig) -> dg.Definitions:
    """Assets `scores/<table>` and the gates as checks of `scores/churn`."""
    specs = [
        dg.AssetSpec(
            ["scores", table], group_name="scores", kinds={"python", "scikitlearn"}, owners=OWNERS,
            description=DESCRIPTIONS[table], deps=[dg.AssetKey(["features", name]) for name in FEATURES],
        )
        for table in TABLES
    ]  # fmt: skip
    checks = [
        dg.AssetCheckSpec(name, asset=CHURN, description="A gate: where it fails, the last good scores stay.")
        for name in GATES
    ]

    @dg.multi_asset(name="scores", specs=specs, check_specs=checks, required_resource_keys={"session"})
    def scores(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with user_errors():
            scored = context.resources.session.get().score()
        models = {model["model"]: model for model in scored.models}
        for table in TABLES:
            metadata: dict[str, Any] = {"dagster/row_count": scored.rows[table]}
            if table in models:
                model = models[table]
                metadata |= {"version": str(model["version"]), "status": model["status"], "verdict": model["message"]}
            yield dg.MaterializeResult(asset_key=["scores", table], metadata=metadata)
        judged = {gate.name: gate for gate in scored.gates}
        for name in GATES:
            gate = judged.get(name)
            yield dg.AssetCheckResult(
                asset_key=CHURN, check_name=name, severity=dg.AssetCheckSeverity.WARN,
                passed=gate is None or gate.passed,
                metadata={"verdict": gate.message if gate else "Nothing was trained now."},
            )  # fmt: skip

    return dg.Definitions(assets=[scores])
