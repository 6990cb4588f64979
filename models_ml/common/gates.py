"""Gates: what a model must show before its scores reach a reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models_ml.common.calibration import perfect_calibration_bound
from models_ml.common.drift import psi
from models_ml.common.metrics import auc, calibration_error, paired_difference
from models_ml.common.types import Floats

MAX_SCORE_PSI = 0.25  # above: another population, or a broken feature
MAX_AUC_DROP = 0.05
TOO_GOOD = 0.995  # no customer behaviour is so regular: a feature knows the future


@dataclass(frozen=True)
class Gate:
    """One gate's verdict, in words that a reader of the card understands."""

    name: str
    passed: bool
    observed: float | None
    bound: float | None
    message: str

    def row(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def not_worse(y: Floats, p: Floats, baselines: dict[str, Floats]) -> list[Gate]:
    """Not worse than the best baseline by more than one paired bootstrap standard error, in closeness and ranking."""
    gates = []
    for metric, sign, word in (("log_loss", 1, "log-loss"), ("auc", -1, "AUC")):
        differences = {name: paired_difference(metric, y, p, other) for name, other in baselines.items()}
        name, (difference, error) = max(differences.items(), key=lambda item: sign * item[1][0])
        loss = sign * difference
        gates.append(
            Gate(
                f"not_worse_{metric}", bool(loss <= error), round(loss, 6), round(error, 6),
                f"{word} {'worse' if loss > 0 else 'better'} than {name} by {abs(difference):.4f} "
                f"(standard error {error:.4f})",
            )
        )  # fmt: skip
    return gates


def calibrated(y: Floats, p: Floats) -> Gate:
    """Calibration error below the 95th percentile of what perfect calibration shows by chance."""
    observed, bound = calibration_error(y, p, np.ones(len(y))), perfect_calibration_bound(p)
    return Gate(
        "calibrated", observed <= bound, round(observed, 6), round(bound, 6),
        f"calibration error {observed:.4f}; a perfect model shows up to {bound:.4f} by chance",
    )  # fmt: skip


def complete(p: Floats) -> Gate:
    """Every customer has a probability, and not all the same."""
    good = np.isfinite(p) & (p >= 0) & (p <= 1)
    distinct = len(np.unique(np.round(p[good], 9)))
    share = float(good.mean()) if len(p) else 0.0
    return Gate(
        "complete", bool(len(p) and good.all() and distinct > 1), round(share, 6), 1.0,
        f"{share:.1%} of {len(p)} customers have a probability, {distinct} different ones",
    )  # fmt: skip


def plausible(y: Floats, p: Floats) -> Gate:
    """Not better than behaviour can be: that would be a feature that knows the outcome."""
    found = auc(y, p, np.ones(len(y)))
    return Gate(
        "plausible", not found > TOO_GOOD, round(found, 6), TOO_GOOD,
        f"AUC {found:.4f}; above {TOO_GOOD} a feature must know the future",
    )  # fmt: skip


def stable_scores(before: Floats, now: Floats) -> Gate:
    """Today's scores are distributed like those of the reporting cut-off."""
    moved = psi(before, now)
    return Gate(
        "stable_scores", moved <= MAX_SCORE_PSI, round(moved, 6), MAX_SCORE_PSI,
        f"population stability index of the scores {moved:.3f}, at most {MAX_SCORE_PSI}",
    )  # fmt: skip


def stable_ranking(earlier: float, last: float) -> Gate:
    """The ranking on the last cut-off is not much worse than on the one before."""
    drop = earlier - last
    return Gate(
        "stable_ranking", not drop > MAX_AUC_DROP, round(drop, 6), MAX_AUC_DROP,
        f"AUC {earlier:.3f} on the selection cut-off, {last:.3f} on the last; a drop of at most {MAX_AUC_DROP}",
    )  # fmt: skip
