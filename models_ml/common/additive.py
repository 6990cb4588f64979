"""Binary estimators whose log-odds are a sum of one term per feature: logistic regression and boosting.

A score can be taken apart exactly (`contributions`). Boosting is held to one feature per tree for that reason
(decision 0013).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from models_ml.common.binning import QuantileBins
from models_ml.common.calibration import expit
from models_ml.common.types import Floats

MANY_ROWS = 200_000  # below, threads that wait for each other cost more than they bring, minutes on a busy machine


def few_threads(rows: int) -> Any:
    """A context in which estimators of scikit-learn use one thread, unless there are very many rows."""
    return threadpool_limits(1 if rows < MANY_ROWS else None)


class Additive(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base: probabilities from additive log-odds. `X` is (n, f) with NaN allowed, `y` is 0 and 1."""

    def _checked(self, X: Any) -> Floats:
        check_is_fitted(self)
        found: Floats = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        return found

    def _start(self, X: Any, y: Any) -> tuple[Floats, Floats]:
        values, labels = validate_data(self, X, y, dtype=float, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError("Only binary classification is supported.")
        if len(self.classes_) < 2:
            raise ValueError("Two classes are needed, one class is given.")
        return values, codes.astype(float)

    def contributions(self, X: Any) -> Floats:
        """(n, f) terms of the log-odds, each relative to its mean over the training rows."""
        raise NotImplementedError

    def decision_function(self, X: Any) -> Floats:
        """(n,) log-odds: `base_` plus the row's contributions."""
        check_is_fitted(self)
        total: Floats = self.base_ + self.contributions(X).sum(axis=1)
        return total

    def predict_proba(self, X: Any) -> Floats:
        """(n, 2) probabilities."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> Any:
        """The more probable class."""
        likely = self.decision_function(X) > 0
        return self.classes_[likely.astype(int)]

    def __sklearn_tags__(self) -> Any:
        """Missing values are allowed; two classes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


class RankLogistic(Additive):
    """Logistic regression on columns brought to normal scores by rank; a missing value is a term of its own.

    Args:
        C: inverse strength of the ridge penalty.
    """

    def __init__(self, C: float = 0.3) -> None:
        self.C = C

    def fit(self, X: Any, y: Any) -> Self:
        """Learn ranks and weights."""
        values, codes = self._start(X, y)
        self.ranks_ = QuantileTransformer(
            n_quantiles=min(100, len(values)), output_distribution="normal", subsample=50_000, random_state=0
        ).fit(values)
        terms = self._terms(values)
        self.means_ = terms.mean(axis=0)
        fitted = LogisticRegression(C=self.C, max_iter=1_000).fit(terms - self.means_, codes)
        self.weights_, self.base_ = fitted.coef_[0], float(fitted.intercept_[0])
        return self

    def _terms(self, values: Floats) -> Floats:
        missing = ~np.isfinite(values)
        return np.hstack([np.where(missing, 0, self.ranks_.transform(values)), missing])

    def contributions(self, X: Any) -> Floats:
        """Weight times distance from the mean; a column's missing flag counts with the column."""
        values = self._checked(X)
        parts = (self._terms(values) - self.means_) * self.weights_
        found: Floats = parts[:, : values.shape[1]] + parts[:, values.shape[1] :]
        return found


class AdditiveBoosting(Additive):
    """Gradient boosting of trees with one feature each, on quantile bins.

    Args:
        rounds: trees.
        learning_rate: shrinkage of each.
        leaves: most leaves of a tree.
        min_leaf: least training rows of a leaf.
    """

    def __init__(self, rounds: int = 300, learning_rate: float = 0.06, leaves: int = 4, min_leaf: int = 40) -> None:
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.min_leaf = min_leaf

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the trees, and each feature's effect bin by bin."""
        values, codes = self._start(X, y)
        self.binner_ = QuantileBins().fit(values)
        binned = self.binner_.transform(values)
        trees = HistGradientBoostingClassifier(
            max_iter=self.rounds, learning_rate=self.learning_rate, max_leaf_nodes=self.leaves,
            min_samples_leaf=self.min_leaf, l2_regularization=5.0, early_stopping=False,
            interaction_cst="no_interactions", random_state=0,
        )  # fmt: skip
        # A column without values has no bins; the trees refuse it, and it says nothing.
        with few_threads(len(values)):
            self._learn(trees, np.nan_to_num(binned, nan=-1.0), codes)
        raw = self._effects(binned)
        self.means_ = raw.mean(axis=0)
        self.base_ += float(self.means_.sum())
        return self

    def _learn(self, trees: HistGradientBoostingClassifier, binned: Floats, codes: Floats) -> None:
        trees.fit(binned, codes)
        # Trees of one feature each add up: the effect of a bin is the sum's change when only that column moves.
        start = np.zeros(binned.shape[1])
        self.means_ = np.zeros(binned.shape[1])
        self.base_ = float(trees.decision_function(start[None])[0])
        self.effects_ = []
        for column, edges in enumerate(self.binner_.edges_):
            grid = np.tile(start, (len(edges) + 2, 1))
            grid[:, column] = np.arange(-1, len(edges) + 1)
            self.effects_.append(trees.decision_function(grid) - self.base_)

    def _effects(self, binned: Floats) -> Floats:
        place = np.nan_to_num(binned, nan=-1.0).astype(int) + 1
        columns = [effect[place[:, column]] for column, effect in enumerate(self.effects_)]
        found: Floats = np.column_stack(columns) - self.means_
        return found

    def contributions(self, X: Any) -> Floats:
        """Read off the tables of effects."""
        return self._effects(self.binner_.transform(self._checked(X)))
