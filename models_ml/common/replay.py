"""Rolling origins: what would have been shown on earlier days, and how close that came to the window that followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from models_ml.common.calibration import onto
from models_ml.common.declare import Learning
from models_ml.common.fitted import predict
from models_ml.common.gates import Gate
from models_ml.common.judge import PASSED, PROVISIONAL
from models_ml.common.samples import STEPS_PER_HORIZON, Samples
from models_ml.common.targets import target_of
from models_ml.common.train import WINDOWS, train


@dataclass(frozen=True)
class Origin:
    """One earlier day.

    Args:
        day: on which somebody would have looked.
        windows: finished by then, that do not overlap and have one to learn from before them.
        status: of the training on what was known.
        shown: model, provisional or baseline.
        units: whose next window is known.
        loss: of the model in the next window.
        baseline_loss: of the baseline there.
        shown_loss: of what was shown.
        refused: the gates that did not pass.
    """

    day: str
    windows: int
    status: str
    shown: str
    units: int
    loss: float
    baseline_loss: float
    shown_loss: float
    refused: tuple[Gate, ...]

    @property
    def is_the_better_shown(self) -> bool:
        """Whether what is shown is no further off than model and baseline both."""
        return self.shown_loss <= min(self.loss, self.baseline_loss) + 1e-9


def as_known_at(samples: Samples, at: int) -> Samples:
    """The samples as somebody had them on the day of an earlier cut-off: later ones, and outcomes, are not there yet.

    The horizon is that of the whole history, not the one that the day's own would have given.
    """
    rows = samples.cutoff >= at
    number = samples.cutoff[rows] - at
    cutoffs = {}
    for no, cutoff in samples.cutoffs.items():
        if no >= at:
            is_over = no - at >= STEPS_PER_HORIZON and cutoff.is_labelled
            season = cutoff.season if is_over else None
            cutoffs[no - at] = replace(cutoff, no=no - at, is_labelled=is_over, season=season)
    y = np.where(number >= STEPS_PER_HORIZON, samples.y[rows], np.nan)
    return replace(
        samples, x=samples.x[rows], y=y, cutoff=number, customer=samples.customer[rows], cutoffs=cutoffs,
        units={name: values[rows] for name, values in samples.units.items()}, weight=samples.weight[rows],
        exposure=samples.exposure[rows],
    )  # fmt: skip


def replay(samples: Samples, learning: Learning) -> Iterator[Origin]:
    """Every earlier cut-off whose next window is over, and before which there is enough to learn; the newest first."""
    for at in sorted(no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled):
        found = origin(samples, learning, at)
        if found is not None:
            yield found


def origin(samples: Samples, learning: Learning, at: int) -> Origin | None:
    """One earlier day; None where nothing could be learned by then."""
    known, target = as_known_at(samples, at), target_of(learning.kind)
    training = train(known, learning, is_measured=False)
    if training.model is None or training.baseline is None:
        return None
    here = samples.is_known[samples.cutoff == at]
    y = samples.y[samples.cutoff == at][here]
    p, rule = predict(training.model, known, 0), predict(training.baseline, known, 0)
    shown, told = "baseline", rule
    if training.status == PASSED:
        shown, told = "model", p
    elif training.status == PROVISIONAL:
        shown, told = "provisional", onto(p, rule)
    loss, rule_loss, told_loss = (float(target.losses(y, q[here]).mean()) for q in (p, rule, told))
    labelled = sorted(training.cutoffs)
    report = labelled[0]
    windows = sum(
        report + step * STEPS_PER_HORIZON in labelled and max(labelled) >= report + (step + 1) * STEPS_PER_HORIZON
        for step in range(WINDOWS)
    )
    refused = tuple(gate for gate in training.gates if not gate.passed)
    day = str(samples.cutoffs[at].day)
    return Origin(day, windows, training.status, shown, len(y), loss, rule_loss, told_loss, refused)
