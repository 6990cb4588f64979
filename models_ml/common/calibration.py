"""Whether probabilities mean what they say, and corrections that keep the order of customers."""

from __future__ import annotations

import numpy as np

from models_ml.common.metrics import BINS, TINY
from models_ml.common.types import Floats

FLOOR = 1e-4  # no customer is certain


def chance_calibration_error(p: Floats) -> float:
    """The calibration error that a perfectly calibrated `p` shows by chance alone, on average.

    The gap of a bin is a sum of independent outcomes less their probabilities: nearly normal, and the mean of its
    absolute value is the square root of two over pi times its standard deviation.
    """
    spread = [float(np.sqrt((part * (1 - part)).sum())) for part in np.array_split(np.sort(p), BINS)]
    return float(np.sqrt(2 / np.pi) * sum(spread) / len(p))


def onto(p: Floats, reference: Floats) -> Floats:
    """Predictions in the order of `p` and with the distribution of `reference`; equal ones stay equal.

    Probabilities of several classes, (n, k) of both, are dealt class by class and made to add to one again.
    """
    if p.ndim > 1:
        dealt = np.column_stack([onto(p[:, k], reference[:, k]) for k in range(p.shape[1])])
        shares: Floats = dealt / np.maximum(dealt.sum(axis=1, keepdims=True), TINY)
        return shares
    _, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(p)
    found: Floats = np.quantile(reference, middle)[place]
    return found


def logit(p: Floats) -> Floats:
    """Log-odds."""
    q = np.clip(p, TINY, 1 - TINY)
    found: Floats = np.log(q) - np.log1p(-q)
    return found


def expit(z: Floats) -> Floats:
    """Probability of log-odds."""
    found: Floats = 1 / (1 + np.exp(-np.clip(z, -35, 35)))
    return found


def shift_by_season(p: Floats, log_ratio: float) -> Floats:
    """Churn probabilities for a window in which purchases are `exp(log_ratio)` times as frequent.

    Not buying is no event of a Poisson process with mean m: p = exp(-m). A season multiplies every m by the
    same factor, so p is raised to its power. The order of customers stays.
    """
    q = np.clip(p, FLOOR, 1 - FLOOR)
    found: Floats = np.exp(np.log(q) * np.exp(log_ratio))
    return np.clip(found, FLOOR, 1 - FLOOR)
