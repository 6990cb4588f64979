"""Whether probabilities mean what they say, and corrections that keep the order of customers."""

from __future__ import annotations

import numpy as np

from models_ml.common.metrics import TINY, calibration_error
from models_ml.common.types import Floats

SIMULATIONS = 500
FLOOR = 1e-4  # no customer is certain


def perfect_calibration_bound(p: Floats, share: float = 0.95, seed: int = 0) -> float:
    """Quantile of the calibration error that a perfectly calibrated `p` shows by chance alone.

    Args:
        p: (n,) probabilities; outcomes are drawn from them.
        share: the quantile.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    w = np.ones(len(p))
    errors = [calibration_error((rng.random(len(p)) < p).astype(float), p, w) for _ in range(SIMULATIONS)]
    return float(np.quantile(errors, share))


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
