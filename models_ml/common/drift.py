"""Population stability index: how far a distribution has moved."""

from __future__ import annotations

import numpy as np

from models_ml.common.types import Floats

BINS = 10
SMOOTH = 0.5  # half a row in each bin: an empty bin must not be infinitely far


def psi(expected: Floats, actual: Floats) -> float:
    """Population stability index over tenths of the expected distribution; missing values are a bin of their own.

    Below 0.1: little change; above 0.25: another population (Siddiqi 2006, Credit Risk Scorecards).

    Args:
        expected: (n,) values, NaN allowed.
        actual: (m,) values, NaN allowed.
    """
    known = expected[np.isfinite(expected)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)

    def shares(values: Floats) -> Floats:
        place = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)
        counts = np.bincount(place, minlength=len(edges) + 2) + SMOOTH
        found: Floats = counts / counts.sum()
        return found

    before, after = shares(expected), shares(actual)
    return float(((after - before) * np.log(after / before)).sum())
