"""A fitted estimator with the columns that it reads, and the season that it was learned in."""

from __future__ import annotations

from typing import Any

import numpy as np

from models_ml.common.additive import few_threads
from models_ml.common.calibration import shift_by_season
from models_ml.common.declare import Estimator, Kind, Learning
from models_ml.common.metrics import TINY
from models_ml.common.samples import STEPS_PER_HORIZON, Cutoff, Samples
from models_ml.common.targets import target_of
from models_ml.common.types import Floats


class Fitted:
    """A model as it is kept.

    Its log-odds are not calibrated once more: a slope and an intercept fitted on the selection cut-off made the
    reported log-loss worse on every company tried (decision 0013).

    Args:
        name: of the estimator in the score's declaration.
        target: kind of the target.
        estimator: fitted.
        names: columns of `x` that it reads, in order.
        season: mean log season of the training windows; None where seasons play no part.
        classes: how many there are, of a target with several.
    """

    def __init__(
        self,
        name: str,
        target: Kind,
        estimator: Any,
        names: list[str],
        season: float | None = None,
        classes: int = 0,
    ) -> None:
        self.name = name
        self.target = target
        self.estimator = estimator
        self.names = names
        self.season = season
        self.classes = classes

    def scale(self, x: Floats) -> Floats:
        """(n,) log-odds or log of the expectation, (n, k) log-probabilities, in the training's mean season."""
        with few_threads(len(x)):
            found = target_of(self.target).scale(self.estimator, x)
        if not self.classes:
            return found
        every = np.full((len(x), self.classes), np.log(TINY))  # a class that the training lacked is all but impossible
        every[:, self.estimator.classes_.astype(int)] = found
        return every

    def predict(self, x: Floats, season: float | None = None) -> Floats:
        """(n,) probabilities, counts or amounts, (n, k) probabilities of classes.

        Args:
            x: (n, f) values of `names`.
            season: log of the season forecast for the window; None where there is none.
        """
        p = target_of(self.target).predict(self.scale(x))
        if self.target != "binary":
            return p
        return shift_by_season(p, 0.0 if season is None or self.season is None else season - self.season)

    def contributions(self, x: Floats) -> Floats:
        """(n, f) terms of the log-odds relative to the mean customer; of additive estimators."""
        terms: Floats = self.estimator.contributions(x)
        return terms


def season_forecast(cutoffs: dict[int, Cutoff], at: int) -> float | None:
    """Log season of the window after a cut-off, as it could be told on that day.

    The same days a year earlier, moved by half of how far the last finished window was off the year before it:
    a damped trend (Gardner and McKenzie 1985). None without a year of history.
    """
    own = cutoffs[at].season_year_ago
    if own is None:
        return None
    for number in sorted(n for n in cutoffs if n >= at + STEPS_PER_HORIZON):
        last = cutoffs[number]
        if last.season is not None and last.season_year_ago is not None:
            return own + (last.season - last.season_year_ago) / 2
    return own


def fit(name: str, learning: Learning, samples: Samples, rows: Any) -> Fitted:
    """Fit a candidate or baseline on rows; it reads the features that it declares, or those that vary there."""
    spec: Estimator = {**learning.candidates, **learning.baselines}[name]
    names = list(spec.features) or samples.usable(rows) or samples.names[:1]
    x, y, estimator = samples.of(names, rows), samples.y[rows], spec.make()
    weight, exposure = samples.weight[rows], samples.exposure[rows]
    with few_threads(len(x)):
        if (weight == 1).all() and (exposure == 1).all():
            estimator.fit(x, y)
        else:
            estimator.fit(x, y / exposure, sample_weight=weight * exposure)
    seasons = [samples.cutoffs[int(no)].season for no in samples.cutoff[rows]]
    known = [season for season in seasons if season is not None]
    # Observed rates stay as observed.
    is_seasonal = learning.is_seasonal and known and name not in learning.baselines
    return Fitted(name, learning.kind, estimator, names, float(np.mean(known)) if is_seasonal else None,
                  len(learning.classes))  # fmt: skip


def predict(model: Fitted, samples: Samples, at: int) -> Floats:
    """Predictions for the units at a cut-off, with the season as it could be told then."""
    rows = samples.cutoff == at
    p = model.predict(samples.of(model.names, rows), season_forecast(samples.cutoffs, at))
    return p if model.target in ("binary", "multiclass") else p * samples.exposure[rows]


def scale_at(model: Fitted, samples: Samples, at: int) -> Floats:
    """Log-odds or the like of a cut-off's units, to six places: last bits must not move one across a bin's edge."""
    return model.scale(samples.of(model.names, samples.cutoff == at)).round(6)
