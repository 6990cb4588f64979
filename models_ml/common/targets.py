"""What follows from the kind of a target: loss, metrics, how an estimator is asked, and how much data it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models_ml.common import metrics, metrics_amount, metrics_multiclass
from models_ml.common.calibration import expit, logit
from models_ml.common.declare import Kind
from models_ml.common.metrics import TINY, Metric
from models_ml.common.types import Floats

MIN_UNITS, MIN_CLASS = 100, 20  # at the reporting cut-off; below, a metric says nothing


@dataclass(frozen=True)
class Target:
    """A kind of target.

    Args:
        kind: its name.
        loss: name of the metric that candidates are chosen by.
        losses: (y, p) → (n,) loss of each row; its mean is the loss.
        metrics: name → function.
        scale: estimator and x → (n,) or (n, k) on which drift is measured: log-odds, or the log of an expectation.
        predict: scale → prediction.
        lacking: labels → why they are too few, in words with `{outcome}`; None where they are not.
        figure: what a prediction is called.
        most: greatest value that a prediction may have.
    """

    kind: Kind
    loss: str
    losses: Callable[[Floats, Floats], Floats]
    metrics: Mapping[str, Metric]
    scale: Callable[[Any, Floats], Floats]
    predict: Callable[[Floats], Floats]
    lacking: Callable[[Floats], str | None]
    figure: str = "probability"
    most: float = 1.0

    def is_enough(self, y: Floats) -> bool:
        """Whether labels tell anything."""
        return len(y) >= MIN_UNITS and self.lacking(y) is None


def log_odds(estimator: Any, x: Floats) -> Floats:
    """(n,) of a binary estimator."""
    if hasattr(estimator, "decision_function"):
        odds: Floats = estimator.decision_function(x)
        return odds
    return logit(estimator.predict_proba(x)[:, 1])


def log_shares(estimator: Any, x: Floats) -> Floats:
    """(n, k) log-probabilities of an estimator of several classes."""
    logs: Floats = np.log(np.maximum(estimator.predict_proba(x), TINY))
    return logs


def shares(logs: Floats) -> Floats:
    """(n, k) probabilities that add to one."""
    p = np.exp(logs)
    found: Floats = p / p.sum(axis=1, keepdims=True)
    return found


def log_mean(estimator: Any, x: Floats) -> Floats:
    """(n,) log of an expected count or amount."""
    logs: Floats = np.log(np.maximum(estimator.predict(x), TINY))
    return logs


def few_of_a_class(y: Floats) -> str | None:
    """Why labels 0 and 1 are too few."""
    ones = int(y.sum())
    if min(ones, len(y) - ones) < MIN_CLASS:
        return f"{ones} of {len(y)} {{outcome}}; {MIN_CLASS} of each kind are needed"
    return None


def few_of_some_class(y: Floats) -> str | None:
    """Why class numbers are too few."""
    counts = np.bincount(y.astype(int))
    if len(counts) < 2 or counts.min() < MIN_CLASS:
        return f"classes of {', '.join(map(str, counts))} of {len(y)}; {MIN_CLASS} of each are needed"
    return None


def few_above_zero(y: Floats) -> str | None:
    """Why counts or amounts are too few."""
    if (y < 0).any():
        return f"{int((y < 0).sum())} of {len(y)} are below zero"
    above = int((y > 0).sum())
    if above < MIN_CLASS or len(np.unique(y)) < 2:
        return f"{above} of {len(y)} above zero; {MIN_CLASS} and two different ones are needed"
    return None


BINARY = Target(
    "binary", "log_loss", metrics.losses, metrics.METRICS, log_odds, expit, few_of_a_class
)  # fmt: skip
MULTICLASS = Target(
    "multiclass", "log_loss", metrics_multiclass.losses, metrics_multiclass.METRICS, log_shares, shares,
    few_of_some_class,
)  # fmt: skip
COUNT = Target(
    "count", "deviance", metrics_amount.deviances, metrics_amount.COUNT_METRICS, log_mean, np.exp, few_above_zero,
    "expected count", float("inf"),
)  # fmt: skip
AMOUNT = Target(
    "amount", "deviance", lambda y, p: metrics_amount.deviances(y, p, metrics_amount.AMOUNT_POWER),
    metrics_amount.AMOUNT_METRICS, log_mean, np.exp, few_above_zero, "expected amount", float("inf"),
)  # fmt: skip
TARGETS: dict[str, Target] = {target.kind: target for target in (BINARY, MULTICLASS, COUNT, AMOUNT)}


def target_of(kind: Kind) -> Target:
    """The kind's.

    Raises:
        ValueError: a score of the kind is judged by `models_ml.common.uplift`, and is not learned here.
    """
    if kind not in TARGETS:
        raise ValueError(f"target kind {kind}: expected one of {', '.join(TARGETS)}")
    return TARGETS[kind]
