"""How good probabilities of several classes are.

All functions take `y` (n,) of class numbers from 0, `p` (n, k) of probabilities, and `w` (n,) of weights.
"""

from __future__ import annotations

import numpy as np

from models_ml.common.calibration import chance_calibration_error
from models_ml.common.metrics import TINY, Metric, calibration_error
from models_ml.common.types import Floats


def losses(y: Floats, p: Floats) -> Floats:
    """(n,) negative log-likelihood of each row's class."""
    own = p[np.arange(len(y)), y.astype(int)]
    terms: Floats = -np.log(np.clip(own, TINY, 1))
    return terms


def log_loss(y: Floats, p: Floats, w: Floats) -> float:
    """Multinomial log-loss: the mean negative log-likelihood."""
    return float((w * losses(y, p)).sum() / w.sum())


def brier(y: Floats, p: Floats, w: Floats) -> float:
    """Brier's score (1950) as he defined it: squared errors summed over the classes, 0 to 2."""
    hot = np.eye(p.shape[1])[y.astype(int)]
    return float((w * ((p - hot) ** 2).sum(axis=1)).sum() / w.sum())


def accuracy(y: Floats, p: Floats, w: Floats) -> float:
    """Share of rows whose most probable class came."""
    return float((w * (p.argmax(axis=1) == y)).sum() / w.sum())


def classwise_calibration_error(y: Floats, p: Floats, w: Floats) -> float:
    """Mean over the classes of the calibration error of one class against the rest (Kull et al. 2019)."""
    return float(np.mean([calibration_error((y == k).astype(float), p[:, k], w) for k in range(p.shape[1])]))


def classwise_beyond_chance(y: Floats, p: Floats) -> list[float]:
    """Each class's calibration error, less what chance alone shows at that size; not below 0."""
    ones = np.ones(len(y))
    return [
        max(0.0, calibration_error((y == k).astype(float), p[:, k], ones) - chance_calibration_error(p[:, k]))
        for k in range(p.shape[1])
    ]


METRICS: dict[str, Metric] = {
    "log_loss": log_loss,
    "brier": brier,
    "accuracy": accuracy,
    "classwise_calibration_error": classwise_calibration_error,
}
