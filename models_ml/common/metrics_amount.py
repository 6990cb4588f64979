"""How good expected counts and amounts are.

All functions take `y` (n,) of counts or amounts, not below 0, `p` (n,) of expected values above 0, `w` (n,) of weights.
"""

from __future__ import annotations

import numpy as np

from models_ml.common.metrics import TINY, Metric
from models_ml.common.types import Floats

FIFTHS = 5
AMOUNT_POWER = 1.5  # of Tweedie: many zeros, a long tail; between Poisson (1) and gamma (2)


def deviances(y: Floats, p: Floats, power: float = 1.0) -> Floats:
    """(n,) unit deviance of Tweedie's family (Jørgensen 1987): 1 is Poisson, up to 2 amounts with zeros."""
    mean = np.maximum(p, TINY)
    if power == 1.0:
        ratio = np.where(y > 0, np.maximum(y, TINY) / mean, 1.0)
        terms: Floats = 2 * (y * np.log(ratio) - y + mean)
        return terms
    a, b = 1 - power, 2 - power
    other: Floats = 2 * (np.maximum(y, 0) ** b / (a * b) - y * mean**a / a + mean**b / b)
    return other


def deviance(y: Floats, p: Floats, w: Floats) -> float:
    """Mean Poisson deviance."""
    return float((w * deviances(y, p)).sum() / w.sum())


def amount_deviance(y: Floats, p: Floats, w: Floats) -> float:
    """Mean Tweedie deviance."""
    return float((w * deviances(y, p, AMOUNT_POWER)).sum() / w.sum())


def total_error(y: Floats, p: Floats, w: Floats) -> float:
    """How far the expected total is off the observed one, as a share of it; signed. NaN where nothing was observed."""
    observed = float((w * y).sum())
    return float((w * p).sum() / observed - 1) if observed else float("nan")


def mean_error(y: Floats, p: Floats, w: Floats) -> float:
    """Mean absolute error."""
    return float((w * np.abs(y - p)).sum() / w.sum())


def fifths(y: Floats, p: Floats, w: Floats) -> list[tuple[float, float]]:
    """Mean expected and mean observed value in each fifth of the rows, by expected value, the lowest first."""
    order = np.argsort(p, kind="stable")
    middle = np.cumsum(w[order]) - w[order] / 2
    place = np.minimum((middle / w.sum() * FIFTHS).astype(int), FIFTHS - 1)
    weight = np.bincount(place, w[order], FIFTHS)
    expected, observed = (np.bincount(place, (w * values)[order], FIFTHS) for values in (p, y))
    return [(float(e / n), float(o / n)) for e, o, n in zip(expected, observed, np.maximum(weight, TINY), strict=True)]


def fifths_error(y: Floats, p: Floats, w: Floats) -> float:
    """Mean gap between expected and observed value over the fifths, as a share of the mean observed value."""
    mean = float((w * y).sum() / w.sum())
    if not mean:
        return float("nan")
    return float(np.mean([abs(expected - observed) for expected, observed in fifths(y, p, w)]) / mean)


def chance_fifths_error(y: Floats, p: Floats) -> float:
    """What `fifths_error` shows on average where every fifth is right, by the spread within it.

    The gap of a fifth is a mean of independent errors: nearly normal, and the mean of its absolute value is the
    square root of two over pi times its standard error.
    """
    mean = float(y.mean())
    if not mean:
        return float("nan")
    parts = np.array_split(np.argsort(p, kind="stable"), FIFTHS)
    spread = [float((y - p)[part].std() / np.sqrt(max(len(part), 1))) for part in parts]
    return float(np.sqrt(2 / np.pi) * np.mean(spread) / mean)


def interval_widths(y: Floats, p: Floats, share: float = 0.8) -> tuple[float, float]:
    """Quantiles of errors in units of the expected value's square root, so that `share` of the rows lie between them.

    Split-conformal prediction with normalised errors (Lei et al. 2018): rows that the model did not learn from.
    """
    scaled = (y - p) / np.sqrt(np.maximum(p, TINY))
    low, high = np.quantile(scaled, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def interval(p: Floats, widths: tuple[float, float]) -> tuple[Floats, Floats]:
    """(n,) lower and upper ends of the interval of each expected value; none is below 0."""
    spread = np.sqrt(np.maximum(p, TINY))
    return np.maximum(p + widths[0] * spread, 0), np.maximum(p + widths[1] * spread, 0)


def coverage(y: Floats, low: Floats, high: Floats, w: Floats) -> float:
    """Share of the rows that lie within their interval, ends included."""
    return float((w * ((y >= low) & (y <= high))).sum() / w.sum())


_SHARED: dict[str, Metric] = {"total_error": total_error, "fifths_error": fifths_error, "mean_error": mean_error}
COUNT_METRICS: dict[str, Metric] = {"deviance": deviance} | _SHARED
AMOUNT_METRICS: dict[str, Metric] = {"deviance": amount_deviance} | _SHARED
