"""The model card of a training, as a page beside the company's other runtime state."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from models_ml.common.declare import Score
from orchestration.config.company import CompanyConfig
from orchestration.platform.paths import CompanyPaths
from orchestration.scoring.history import ModelRun

METRIC_COLUMNS = ("population", "estimator", "metric", "value", "low", "high")
LEARNED_AGAIN = (
    "What is reported learned only from windows that were over before the reported one began; what scores was learned "
    "again from every finished window."
)


def card_path(paths: CompanyPaths, run: ModelRun) -> Path:
    """Where a training's card is."""
    return paths.models / run.model / f"{run.version}.html"


def write_card(config: CompanyConfig, paths: CompanyPaths, score: Score, run: ModelRun, message: str) -> None:
    """Write the model card, with the plotting library beside it."""
    import plotly

    from models_ml.common.card import PLOTLY, page

    path = card_path(paths, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    library = path.parent / PLOTLY
    if not library.exists():
        source = next(iter(plotly.__path__)) + "/package_data/plotly.min.js"
        shutil.copyfile(source, library)
    detail = run.detail
    path.write_text(
        page(
            f"{score.title}, {config.company.title}", facts(config, score, run), message,
            [{"gate": g["name"], "passed": g["passed"], "": g["message"]} for g in detail["gates"]],
            [{name: row[name] for name in METRIC_COLUMNS} for row in detail["metrics"]], detail["curves"],
            [{"driver": name, "mean absolute effect": weight} for name, weight in detail["drivers"].items()],
            [{"feature": name, "stability index": value} for name, value in detail["feature_psi"].items()],
            [LEARNED_AGAIN, *detail["notes"]],
        ),
        encoding="utf-8",
    )  # fmt: skip


def facts(config: CompanyConfig, score: Score, run: ModelRun) -> dict[str, Any]:
    """What a training is, for the head of its card."""
    assert score.learning is not None
    detail = run.detail
    return {
        "company": config.company.title, "version": run.version, "status": run.status,
        "estimator": detail["estimator"] or "none",
        "target": score.learning.label.format(horizon=detail["horizon_days"]) or score.learning.kind,
        "kind of target": score.learning.kind, "trained as of": str(run.as_of),
        "trained at (UTC)": str(run.trained_at)[:19], "customers": detail["customers"],
        "rows learned from": detail["training_rows"],
        "mean of the target on the last finished window": detail["base_rate"],
        "cut-offs (half horizons before as_of)": ", ".join(map(str, detail["cutoffs"])) or "none",
    }  # fmt: skip
