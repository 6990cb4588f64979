"""How good a binary probability is: ranking, closeness, calibration; and bootstrap intervals of any metric.

All functions take `y` (n,) of 0 and 1, `p` (n,) of probabilities, and `w` (n,) of weights, how often each row
counts. A bootstrap resample is a vector of weights, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models_ml.common.types import Floats, Ints

BINS = 10
RESAMPLES = 200
MAX_ROWS = 20_000  # a bootstrap on more rows only narrows intervals that are narrow already
TINY = 1e-12

Metric = Callable[[Floats, Floats, Floats], float]


def auc(y: Floats, p: Floats, w: Floats) -> float:
    """Area under the ROC curve; ties count half (Hanley and McNeil 1982). NaN where only one class is there."""
    levels, place = np.unique(p, return_inverse=True)
    ones = np.bincount(place, w * y, len(levels))
    zeros = np.bincount(place, w * (1 - y), len(levels))
    pairs = ones.sum() * zeros.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / pairs)


def auc_error(y: Floats, p: Floats) -> float:
    """Standard error of the AUC (DeLong et al. 1988, by midranks: Sun and Xu 2014). NaN where a class is missing."""
    ones, zeros = p[y == 1], p[y == 0]
    if min(len(ones), len(zeros)) < 2:
        return float("nan")

    def ranks(values: Floats) -> Floats:
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
        return found

    every = ranks(np.r_[ones, zeros])
    above = (every[: len(ones)] - ranks(ones)) / len(zeros)
    below = 1 - (every[len(ones) :] - ranks(zeros)) / len(ones)
    return float(np.sqrt(above.var(ddof=1) / len(ones) + below.var(ddof=1) / len(zeros)))


def pr_auc(y: Floats, p: Floats, w: Floats) -> float:
    """Average precision: precision summed over the steps in recall."""
    levels, place = np.unique(-p, return_inverse=True)
    ones = np.cumsum(np.bincount(place, w * y, len(levels)))
    alls = np.cumsum(np.bincount(place, w, len(levels)))
    if ones[-1] == 0:
        return float("nan")
    return float((np.diff(ones, prepend=0) / ones[-1] * ones / np.maximum(alls, TINY)).sum())


def log_loss(y: Floats, p: Floats, w: Floats) -> float:
    """Mean negative log-likelihood."""
    return float((w * losses(y, p)).sum() / w.sum())


def losses(y: Floats, p: Floats) -> Floats:
    """(n,) negative log-likelihood of each row."""
    q = np.clip(p, TINY, 1 - TINY)
    found: Floats = -(y * np.log(q) + (1 - y) * np.log1p(-q))
    return found


def clustered_mean(values: Floats, cluster: Ints, weight: Floats | None = None) -> tuple[float, float]:
    """Weighted mean, and its standard error where rows of one cluster go together (Liang and Zeger 1986)."""
    w = np.ones(len(values)) if weight is None else weight
    mean = float((w * values).sum() / w.sum())
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, w * (values - mean))
    groups = len(sums)
    if groups < 2:
        return mean, float("nan")
    return mean, float(np.sqrt((sums**2).sum() * groups / (groups - 1)) / w.sum())


def brier(y: Floats, p: Floats, w: Floats) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float((w * (p - y) ** 2).sum() / w.sum())


def calibration_error(y: Floats, p: Floats, w: Floats) -> float:
    """Expected calibration error: mean gap between probability and observed rate over ten equal bins."""
    order = np.argsort(p, kind="stable")
    middle = np.cumsum(w[order]) - w[order] / 2
    place = np.minimum((middle / w.sum() * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, (w * (y - p))[order], BINS)
    return float(np.abs(gaps).sum() / w.sum())


def lift(share: float) -> Callable[[Floats, Floats, Floats], float]:
    """Rate among the most probable `share` of rows ÷ the overall rate; rows of one probability count in part."""

    def metric(y: Floats, p: Floats, w: Floats) -> float:
        levels, place = np.unique(-p, return_inverse=True)
        ones = np.bincount(place, w * y, len(levels))
        alls = np.bincount(place, w, len(levels))
        wanted = share * alls.sum()
        before = np.cumsum(alls) - alls
        taken = np.clip((wanted - before) / np.maximum(alls, TINY), 0, 1)
        rate = ones.sum() / alls.sum()
        return float((taken * ones).sum() / wanted / rate) if rate else float("nan")

    return metric


METRICS: dict[str, Metric] = {
    "auc": auc,
    "pr_auc": pr_auc,
    "log_loss": log_loss,
    "brier": brier,
    "calibration_error": calibration_error,
    "lift_5": lift(0.05),
    "lift_10": lift(0.10),
    "lift_20": lift(0.20),
    "lift_50": lift(0.50),
}


@dataclass(frozen=True)
class Measured:
    """A metric with the middle 95 % of its bootstrap distribution."""

    value: float
    low: float
    high: float


def resamples(n: int, seed: int = 0) -> Iterator[Floats]:
    """Weights of bootstrap resamples of n rows."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.bincount(rng.integers(0, n, n), minlength=n).astype(float)


def sample(n: int, seed: int = 0) -> np.ndarray:
    """Rows that the bootstrap looks at: all, or a sample of very many."""
    return np.arange(n) if n <= MAX_ROWS else np.random.default_rng(seed).choice(n, MAX_ROWS, replace=False)


def measure(
    y: Floats, p: Floats, metrics: Mapping[str, Metric] | None = None, weight: Floats | None = None
) -> dict[str, Measured]:
    """Every metric with its interval; those of binary targets unless others are given."""
    chosen = METRICS if metrics is None else metrics
    rows = sample(len(y))
    every = np.ones(len(y)) if weight is None else weight
    ys, ps, ws = y[rows], p[rows], every[rows]
    drawn = [{name: metric(ys, ps, w * ws) for name, metric in chosen.items()} for w in resamples(len(rows))]
    measured = {}
    for name, metric in chosen.items():
        values = np.array([d[name] for d in drawn])
        low, high = np.nanquantile(values, [0.025, 0.975]) if np.isfinite(values).any() else (np.nan, np.nan)
        measured[name] = Measured(metric(y, p, every), float(low), float(high))
    return measured


def paired_difference(metric: Metric, y: Floats, p: Floats, other: Floats) -> tuple[float, float]:
    """Metric of `p` less that of `other` on the same rows, and the bootstrap standard error of the difference."""
    rows = sample(len(y))
    drawn = [metric(y[rows], p[rows], w) - metric(y[rows], other[rows], w) for w in resamples(len(rows))]
    ones = np.ones(len(y))
    return metric(y, p, ones) - metric(y, other, ones), float(np.nanstd(drawn, ddof=1))
