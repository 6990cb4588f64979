"""Gates: what a model must show before its scores reach a reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models_ml.common.calibration import chance_calibration_error
from models_ml.common.drift import psi
from models_ml.common.metrics import auc, auc_error, calibration_error, clustered_mean
from models_ml.common.metrics_amount import (
    chance_fifths_error,
    coverage,
    fifths_error,
    interval,
    interval_widths,
    total_error,
)
from models_ml.common.metrics_multiclass import classwise_beyond_chance
from models_ml.common.types import Floats, Ints
from models_ml.common.uplift import qini

MAX_SCORE_PSI = 0.25  # above: another population, or a broken feature
MAX_AUC_DROP = 0.05
ONE_SIDED, TWO_SIDED = 1.645, 1.96  # standard errors to an upper 95 % bound, and to each end of an interval
TOO_GOOD = 0.995  # no customer behaviour is so regular: a feature knows the future
INTERVAL = 0.8  # share of the outcomes that an interval is to cover


@dataclass(frozen=True)
class Gate:
    """One gate's verdict, in words that a reader of the card understands; `error`: standard error of a difference."""

    name: str
    passed: bool
    observed: float | None
    bound: float | None
    message: str
    error: float | None = None

    def interval(self) -> tuple[float, float] | None:
        """Middle 95 % of the difference to the baseline; None of a gate that is not about one."""
        if self.error is None or self.observed is None:
            return None
        mean = self.observed - ONE_SIDED * self.error
        return mean - TWO_SIDED * self.error, mean + TWO_SIDED * self.error

    def row(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def not_worse(
    name: str, losses: Floats, others: Floats, whose: str, cluster: Ints, loss: str = "log-loss"
) -> Gate:  # fmt: skip
    """Not further from what happened than other predictions by more than a standard error of the difference.

    Args:
        name: of the gate.
        losses: (n,) of the model.
        others: (n,) of the other predictions on the same rows.
        whose: the others' name.
        cluster: (n,) whom each row belongs to.
        loss: what it is called.
    """
    mean, error = clustered_mean(losses - others, cluster)
    return Gate(
        name, bool(mean <= error), round(mean, 6), round(error, 6),
        f"{loss} {'worse' if mean > 0 else 'better'} than {whose} by {abs(mean):.4f} (standard error {error:.4f})",
    )  # fmt: skip


def beats_baseline(
    name: str,
    losses: Floats,
    baselines: dict[str, Floats],
    cluster: Ints,
    weight: Floats | None = None,
    loss: str = "log-loss",
) -> Gate:
    """Closer to what happened than the best baseline, beyond chance: the upper 95 % bound of the mean difference in
    loss is below 0, with the rows of a customer taken as one observation.

    Args:
        name: of the gate.
        losses: (n,) of the model.
        baselines: name → (n,) losses on the same rows.
        cluster: (n,) whom each row belongs to.
        weight: (n,) how often each row counts.
        loss: what it is called.
    """
    best = min(baselines, key=lambda other: clustered_mean(baselines[other], cluster, weight)[0])
    mean, error = clustered_mean(losses - baselines[best], cluster, weight)
    upper = mean + ONE_SIDED * error
    return Gate(
        name, bool(upper < 0), round(upper, 6), 0.0,
        f"{loss} {'worse' if mean > 0 else 'better'} than {best} by {abs(mean):.4f} (standard error {error:.4f})",
        round(error, 6),
    )  # fmt: skip


def calibrated(name: str, y: Floats, p: Floats, most: float) -> Gate:
    """Calibration error, less what chance alone shows at that size, within `most`; of several classes the worst's."""
    if p.ndim == 1:
        observed = max(0.0, calibration_error(y, p, np.ones(len(y))) - chance_calibration_error(p))
    else:
        observed = max(classwise_beyond_chance(y, p))
    return Gate(
        name, observed <= most, round(observed, 6), most,
        f"probabilities right to ± {100 * observed:.1f} points beyond chance, at most {100 * most:.0f}",
    )  # fmt: skip


def right_total(name: str, y: Floats, p: Floats, cluster: Ints, most: float) -> Gate:
    """The expected total is off the observed one by at most `most` of it, beyond two standard errors."""
    ones = np.ones(len(y))
    mean, error = clustered_mean(p - y, cluster)
    off = max(0.0, abs(mean) - 2 * error) / max(float(y.mean()), 1e-12)
    return Gate(
        name, off <= most, round(off, 6), most,
        f"expected total {100 * total_error(y, p, ones):+.1f} % off the observed one; {100 * off:.1f} % beyond chance, "
        f"at most {100 * most:.0f}",
    )  # fmt: skip


def right_fifths(name: str, y: Floats, p: Floats, most: float) -> Gate:
    """Fifths by expected value hold what they promise, but for `most` of the mean beyond chance."""
    off = max(0.0, fifths_error(y, p, np.ones(len(y))) - chance_fifths_error(y, p))
    return Gate(
        name, bool(off <= most), round(off, 6), most,
        f"fifths by expected value right to ± {100 * off:.1f} % of the mean beyond chance, at most {100 * most:.0f}",
    )  # fmt: skip


def covered(name: str, earlier: tuple[Floats, Floats], last: tuple[Floats, Floats], most: float) -> Gate:
    """Intervals made from an earlier window's errors cover as many outcomes of the last one as they are to.

    Args:
        name: of the gate.
        earlier: y and p of rows that the model did not learn from.
        last: y and p on the reporting cut-off.
        most: how far coverage may be off, beyond two standard errors.
    """
    y, p = last
    share = coverage(y, *interval(p, interval_widths(*earlier, INTERVAL)), np.ones(len(y)))
    error = float(np.sqrt(INTERVAL * (1 - INTERVAL) / len(y)))
    # More than wanted is no fault where many outcomes are zero: an interval that starts there takes them all in.
    off = max(0.0, INTERVAL - share - 2 * error)
    return Gate(
        name, off <= most, round(off, 6), most,
        f"{share:.0%} of outcomes lie in intervals made for {INTERVAL:.0%}; {100 * off:.1f} points too few beyond "
        f"chance, at most {100 * most:.0f}",
    )  # fmt: skip


def moves_people(name: str, y: Floats, treated: Floats, uplift: Floats, cluster: Ints) -> Gate:
    """Treating by score gains more than treating at random, beyond chance: the Qini interval lies above 0."""
    found = qini(y, treated, uplift, cluster)
    return Gate(
        name, found.low > 0, round(found.low, 6), 0.0,
        f"Qini coefficient {found.value:.4f} ({found.low:.4f} to {found.high:.4f})",
    )  # fmt: skip


def complete(p: Floats, figure: str = "probability", most: float = 1.0) -> Gate:
    """Everybody has a prediction, and not all the same."""
    rows = p.reshape(len(p), -1)
    good = (np.isfinite(rows) & (rows >= 0) & (rows <= most)).all(axis=1)
    distinct = len(np.unique(np.round(p[good], 9), axis=0 if p.ndim > 1 else None))
    share = float(good.mean()) if len(p) else 0.0
    return Gate(
        "complete", bool(len(p) and good.all() and distinct > 1), round(share, 6), 1.0,
        f"{share:.1%} of {len(p)} customers have a{'n' if figure[0] in 'aeiou' else ''} {figure}, {distinct} "
        "different ones",
    )  # fmt: skip


def plausible(y: Floats, p: Floats) -> Gate:
    """Not better than behaviour can be: that would be a feature that knows the outcome."""
    found = auc(y, p, np.ones(len(y)))
    return Gate(
        "plausible", not found > TOO_GOOD, round(found, 6), TOO_GOOD,
        f"AUC {found:.4f}; above {TOO_GOOD} a feature must know the future",
    )  # fmt: skip


def plausible_share(losses: Floats, constant: Floats) -> Gate:
    """`plausible` of other kinds: the share of the loss of a constant prediction that the model takes away."""
    found = 1 - float(losses.mean()) / max(float(constant.mean()), 1e-12)
    return Gate(
        "plausible", not found > TOO_GOOD, round(found, 6), TOO_GOOD,
        f"{found:.1%} of the loss of a constant explained; above {TOO_GOOD:.1%} a feature must know the future",
    )  # fmt: skip


def stable_scores(before: Floats, now: Floats) -> Gate:
    """Today's scores are distributed like those of the reporting cut-off; of several classes the worst's."""
    moved = max(
        psi(one, other) for one, other in zip(columns_of(before), columns_of(now), strict=True)
    )  # fmt: skip
    return Gate(
        "stable_scores", moved <= MAX_SCORE_PSI, round(moved, 6), MAX_SCORE_PSI,
        f"population stability index of the scores {moved:.3f}, at most {MAX_SCORE_PSI}",
    )  # fmt: skip


def columns_of(values: Floats) -> list[Floats]:
    """The columns of (n,) or (n, k) values."""
    return [values] if values.ndim == 1 else list(values.T)


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
