"""How well a score finds those whom a treatment moves, on a randomised trial.

One definition everywhere: the Qini coefficient is the area between the gain of treating by score and of treating at
random. With the transformed outcome z = y (t - e) / (e (1 - e)), whose mean is the average effect (Athey and Imbens
2016), the gain of treating the best share q is mean(z 1{rank <= q}), at random it is q mean(z), and the area between
them over all q is the covariance of z with one half less the rank (0 the best, 1 the last; ties share their middle).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models_ml.common.metrics import clustered_mean
from models_ml.common.types import Floats, Ints

Z95 = 1.959964


@dataclass(frozen=True)
class Qini:
    """Area between the Qini curve and chance, in outcome per unit of the population, with its 95 % interval."""

    value: float
    low: float
    high: float


def transformed(y: Floats, treated: Floats, share: float | None = None) -> Floats:
    """(n,) outcomes whose mean is the average effect of the treatment.

    Args:
        y: (n,) outcome.
        treated: (n,) 0 and 1.
        share: probability of treatment; default: the observed share.

    Raises:
        ValueError: everybody or nobody is treated.
    """
    e = float(treated.mean()) if share is None else share
    if not 0 < e < 1:
        raise ValueError("a trial has treated and untreated units")
    z: Floats = y * (treated - e) / (e * (1 - e))
    return z


def ranks(uplift: Floats) -> Floats:
    """(n,) share of units before each, the greatest uplift first; ties share their middle."""
    _, place, counts = np.unique(-uplift, return_inverse=True, return_counts=True)
    middle: Floats = ((np.cumsum(counts) - counts / 2) / len(uplift))[place]
    return middle


def qini(y: Floats, treated: Floats, uplift: Floats, cluster: Ints | None = None, share: float | None = None) -> Qini:
    """The Qini coefficient of a score on a trial, with an interval by the spread of its terms over clusters."""
    z = transformed(y, treated, share)
    terms = (z - z.mean()) * (0.5 - ranks(uplift))
    value, error = clustered_mean(terms, np.arange(len(y)) if cluster is None else cluster)
    return Qini(value, value - Z95 * error, value + Z95 * error)


def qini_curve(y: Floats, treated: Floats, uplift: Floats, points: int = 20) -> list[tuple[float, float, float]]:
    """(share treated, gain by score, gain at random), per unit of the population."""
    z = transformed(y, treated)
    order = np.argsort(-uplift, kind="stable")
    gain = np.concatenate([[0.0], np.cumsum(z[order])]) / len(z)
    taken = [round(step / points * len(z)) for step in range(points + 1)]
    return [(n / len(z), float(gain[n]), n / len(z) * float(gain[-1])) for n in taken]
