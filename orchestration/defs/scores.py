"""Scores as assets, with each gate of a learned score as an asset check; all of them read off the declarations."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from models_ml.common.judge import gate_names
from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, user_errors
from orchestration.scoring import registry
from orchestration.scoring.run import tables
from orchestration.scoring.step import Scored


def build(_: CompanyConfig) -> dg.Definitions:
    """Assets `scores/<table>` and the gates as checks of `scores/<score>`."""
    features = sorted({name for score in registry.scores().values() for name in score.features})
    gates = {name: gate_names(score.learning) for name, score in registry.learned().items() if score.learning}
    specs = [
        dg.AssetSpec(
            ["scores", table.name], group_name="scores", kinds={"python", "scikitlearn"}, owners=OWNERS,
            description=table.description, deps=[dg.AssetKey(["features", name]) for name in features],
        )
        for table in tables().values()
    ]  # fmt: skip
    checks = [
        dg.AssetCheckSpec(gate, asset=dg.AssetKey(["scores", score]), description=f"A gate: {asks}.")
        for score, asked in gates.items()
        for gate, asks in asked.items()
    ]

    @dg.multi_asset(name="scores", specs=specs, check_specs=checks, required_resource_keys={"session"})
    def scores(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with user_errors():
            scored = context.resources.session.get().score()
        yield from results(scored, gates)

    return dg.Definitions(assets=[scores])


def results(scored: Scored, gates: Mapping[str, Mapping[str, str]]) -> Iterator[Any]:
    """What a scoring did, as Dagster's results."""
    models = {model["model"]: model for model in scored.models}
    for table, rows in scored.rows.items():
        metadata: dict[str, Any] = {"dagster/row_count": rows}
        if table in models:
            model = models[table]
            metadata |= {"version": str(model["version"]), "status": model["status"], "verdict": model["message"]}
        yield dg.MaterializeResult(asset_key=["scores", table], metadata=metadata)
    for score, asked in gates.items():
        judged = {gate.name: gate for gate in scored.gates.get(score, [])}
        for name in asked:
            gate = judged.get(name)
            yield dg.AssetCheckResult(
                asset_key=dg.AssetKey(["scores", score]), check_name=name, severity=dg.AssetCheckSeverity.WARN,
                passed=gate is None or gate.passed,
                metadata={"verdict": gate.message if gate else "Nothing was trained now."},
            )  # fmt: skip
