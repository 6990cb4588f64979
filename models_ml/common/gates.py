"""Gates: what a model must show before its scores reach a reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models_ml.common.calibration import chance_calibration_error
from models_ml.common.drift import psi
from models_ml.common.metrics import auc, auc_error, calibration_error, clustered_mean, losses
from models_ml.common.types import Floats, Ints

MAX_SCORE_PSI = 0.25  # above: another population, or a broken feature
MAX_AUC_DROP = 0.05
ONE_SIDED = 1.645  # standard errors to an upper 95 % bound
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


def not_worse(name: str, y: Floats, p: Floats, other: Floats, whose: str, customer: Ints) -> Gate:
    """Not further from what happened than other probabilities by more than a standard error of the difference."""
    mean, error = clustered_mean(losses(y, p) - losses(y, other), customer)
    return Gate(
        name, bool(mean <= error), round(mean, 6), round(error, 6),
        f"log-loss {'worse' if mean > 0 else 'better'} than {whose} by {abs(mean):.4f} (standard error {error:.4f})",
    )  # fmt: skip


def beats_baseline(name: str, y: Floats, p: Floats, baselines: dict[str, Floats], customer: Ints) -> Gate:
    """Closer to what happened than the best baseline, beyond chance: the upper 95 % bound of the mean difference in
    log-loss is below 0, with the rows of a customer taken as one observation."""
    best = min(baselines, key=lambda other: float(losses(y, baselines[other]).mean()))
    mean, error = clustered_mean(losses(y, p) - losses(y, baselines[best]), customer)
    upper = mean + ONE_SIDED * error
    return Gate(
        name, bool(upper < 0), round(upper, 6), 0.0,
        f"log-loss {'worse' if mean > 0 else 'better'} than {best} by {abs(mean):.4f} (standard error {error:.4f})",
    )  # fmt: skip


def calibrated(name: str, y: Floats, p: Floats, most: float) -> Gate:
    """Calibration error, less what chance alone shows at that size, within `most`."""
    observed = max(calibration_error(y, p, np.ones(len(y))) - chance_calibration_error(p), 0.0)
    return Gate(
        name, observed <= most, round(observed, 6), most,
        f"probabilities right to ± {100 * observed:.1f} points beyond chance, at most {100 * most:.0f}",
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


def stable_ranking(earlier: tuple[Floats, Floats], last: tuple[Floats, Floats]) -> Gate:
    """The ranking on the last cut-off is not much worse than on the one before, beyond chance.

    Args:
        earlier: y and p on the selection cut-off.
        last: y and p on the reporting cut-off.
    """
    before, now = (auc(y, p, np.ones(len(y))) for y, p in (earlier, last))
    error = float(np.hypot(auc_error(*earlier), auc_error(*last)))
    drop = before - now - ONE_SIDED * error
    return Gate(
        "stable_ranking", not drop > MAX_AUC_DROP, round(drop, 6), MAX_AUC_DROP,
        f"AUC {before:.3f} on the selection cut-off, {now:.3f} on the last (standard error {error:.3f}); a drop of at "
        f"most {MAX_AUC_DROP} beyond chance",
    )  # fmt: skip
