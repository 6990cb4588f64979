"""Points of the plots on a model card."""

from __future__ import annotations

from typing import Any

import numpy as np

from models_ml.common.types import Floats

BINS, STEPS = 10, 20


def curves(y: Floats, p: dict[str, Floats]) -> list[dict[str, Any]]:
    """Reliability (x: mean prediction, y: observed mean, of ten equal bins) and gains (x: share of customers taken
    from the greatest prediction down, y: share of the outcome that is theirs), as rows for each estimator.

    Probabilities of several classes are (n, k); each class has curves of its own.
    """
    if any(q.ndim > 1 for q in p.values()):
        return [
            row
            for k in range(next(iter(p.values())).shape[1])
            for row in curves((y == k).astype(float), {f"{name}, class {k}": q[:, k] for name, q in p.items()})
        ]
    rows: list[dict[str, Any]] = []
    for estimator, q in p.items():
        order = np.argsort(q, kind="stable")
        for point, part in enumerate(np.array_split(order, BINS)):
            if len(part):
                rows.append(
                    _row(estimator, "reliability", point, float(q[part].mean()), float(y[part].mean()), len(part))
                )
        falling = np.concatenate([[0.0], np.cumsum(y[order[::-1]])])
        for step in range(STEPS + 1):
            taken = round(step / STEPS * len(y))
            rows.append(_row(estimator, "gains", step, step / STEPS, float(falling[taken] / (falling[-1] or 1)), taken))
    return rows


def _row(estimator: str, curve: str, point: int, x: float, y: float, customers: int) -> dict[str, Any]:
    return {
        "estimator": estimator,
        "curve": curve,
        "point": point,
        "x": round(x, 6),
        "y": round(y, 6),
        "customers": customers,
    }
