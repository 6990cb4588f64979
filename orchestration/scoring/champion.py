"""The model in use: whether its scores of today may be shown, and whether another one may take its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_ml.common.declare import Learning
from orchestration.scoring.history import ModelRun

if TYPE_CHECKING:
    from models_ml.common.fitted import Fitted
    from models_ml.common.gates import Gate
    from models_ml.common.samples import Samples
    from models_ml.common.train import Training


def reference_of(training: Training, samples: Samples) -> Any:
    """Quantiles of the log-odds or the like at training, to see later whether the scores have moved."""
    import numpy as np

    from models_ml.common.fitted import scale_at

    if training.model is None:
        return []
    steps = np.linspace(0, 1, 501)
    return np.quantile(scale_at(training.model, samples, 0), steps, axis=0, method="nearest").tolist()


def scored_well(
    model: Fitted, samples: Samples, run: ModelRun, learning: Learning
) -> tuple[Any, list[Gate]]:  # fmt: skip
    """Predictions for today's units, and whether they may be shown."""
    import numpy as np

    from models_ml.common.fitted import predict, scale_at
    from models_ml.common.gates import complete, stable_scores
    from models_ml.common.targets import target_of

    p, target = predict(model, samples, 0), target_of(learning.kind)
    gates = [
        complete(p, target.figure, target.most),
        stable_scores(np.array(run.detail["reference"]), scale_at(model, samples, 0)),
    ]
    return p, gates + still_better(model, samples, run, learning)


def still_better(model: Fitted, samples: Samples, run: ModelRun, learning: Learning) -> list[Gate]:
    """Not worse than the baseline on the newest finished window; nothing where the model has learned from it."""
    import numpy as np

    from models_ml.common.fitted import fit, predict
    from models_ml.common.gates import not_worse
    from models_ml.common.judge import spoken_loss
    from models_ml.common.samples import STEPS_PER_HORIZON
    from models_ml.common.targets import target_of

    finished = [no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled]
    report = min(finished, default=None)
    if report is None or run.as_of > samples.cutoffs[report].day:
        return []
    learn = samples.rows(report + STEPS_PER_HORIZON) & samples.is_known
    at, target = samples.cutoff == report, target_of(learning.kind)
    known = samples.is_known[at]
    if len(np.unique(samples.y[learn])) < 2 or not known.any():
        return []
    name = next(iter(learning.baselines))
    rule = predict(fit(name, learning, samples, learn), samples, report)[known]
    y, p = samples.y[at][known], predict(model, samples, report)[known]
    return [
        not_worse("still_better", target.losses(y, p), target.losses(y, rule), name, samples.customer[at][known],
                  spoken_loss(target))
    ]  # fmt: skip


def against(training: Training, samples: Samples, champion: ModelRun) -> Gate | None:
    """The challenger is not worse than the champion on the reporting window; None where it learned from it."""
    from models_ml.common import artefact
    from models_ml.common.fitted import predict
    from models_ml.common.gates import not_worse
    from models_ml.common.judge import spoken_loss
    from models_ml.common.targets import target_of

    report = training.cutoffs[0]
    if champion.as_of > samples.cutoffs[report].day:
        return None  # it has seen the outcome
    at, target = samples.cutoff == report, target_of(training.learning.kind)
    known = samples.is_known[at]
    old = predict(artefact.load(champion.artefact or b""), samples, report)[known]
    y, p = samples.y[at][known], training.report[training.champion]
    return not_worse(
        "not_worse_champion", target.losses(y, p), target.losses(y, old), "the champion", samples.customer[at][known],
        spoken_loss(target),
    )  # fmt: skip
