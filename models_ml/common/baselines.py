"""What is observed in bins of one feature: baselines that a model has to beat, one per kind of target."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models_ml.common.additive import Additive
from models_ml.common.binning import QuantileBins
from models_ml.common.calibration import logit
from models_ml.common.types import Floats, Ints

MIN_BIN_ROWS = 30


class InBins(BaseEstimator):  # type: ignore[misc]
    """Base: rows are told apart by the quantile bin of one column; a missing value is in the lowest."""

    column: int
    bins: int

    def _bin(self, values: Floats) -> Ints:
        """Learn bins of enough rows each; returns each row's."""
        self.binner_ = QuantileBins(max(1, min(self.bins, len(values) // MIN_BIN_ROWS))).fit(values[:, [self.column]])
        self.size_ = len(self.binner_.edges_[0]) + 1
        return self._place(values)

    def _place(self, values: Floats) -> Ints:
        place: Ints = np.nan_to_num(self.binner_.transform(values[:, [self.column]])[:, 0]).astype(np.int64)
        return place

    def _known(self, X: Any) -> Floats:
        check_is_fitted(self)
        values: Floats = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        return values

    def __sklearn_tags__(self) -> Any:
        """Missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class ObservedRates(InBins, Additive):
    """Binary targets: the observed rate among those whose feature is alike.

    Args:
        column: number of the feature's column.
        bins: most bins; each holds enough rows for a rate.
    """

    def __init__(self, column: int = 0, bins: int = 10) -> None:
        self.column = column
        self.bins = bins

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the rates."""
        values, codes = self._start(X, y)
        place = self._bin(values)
        ones, alls = np.bincount(place, codes, self.size_), np.bincount(place, minlength=self.size_)
        self.rates_ = (ones + 0.5) / (alls + 1)  # never 0 or 1 from a small bin
        terms = logit(self.rates_)
        self.base_ = float((terms * alls).sum() / alls.sum())
        return self

    def contributions(self, X: Any) -> Floats:
        """All of it is that feature's."""
        values = self._checked(X)
        found = np.zeros(values.shape)
        found[:, self.column] = logit(self.rates_)[self._place(values)] - self.base_
        return found


class ObservedMeans(RegressorMixin, InBins):  # type: ignore[misc]
    """Counts and amounts: the observed mean among those whose feature is alike, never quite 0.

    Args:
        column: number of the feature's column.
        bins: most bins; each holds enough rows for a mean.
    """

    def __init__(self, column: int = 0, bins: int = 10) -> None:
        self.column = column
        self.bins = bins

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the means; a bin counts with half a row of the overall mean."""
        values, target = validate_data(self, X, y, dtype=float, ensure_all_finite="allow-nan", y_numeric=True)
        weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        place = self._bin(values)
        sums, alls = np.bincount(place, weight * target, self.size_), np.bincount(place, weight, self.size_)
        overall = float((weight * target).sum() / weight.sum())
        self.means_ = (sums + overall / 2) / (alls + 0.5)
        return self

    def predict(self, X: Any) -> Floats:
        """(n,) means."""
        means: Floats = self.means_[self._place(self._known(X))]
        return means


class ObservedShares(ClassifierMixin, InBins):  # type: ignore[misc]
    """Several classes: the observed share of each among those whose feature is alike.

    Args:
        column: number of the feature's column.
        bins: most bins; each holds enough rows for shares.
    """

    def __init__(self, column: int = 0, bins: int = 10) -> None:
        self.column = column
        self.bins = bins

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the shares; each class counts with half a row in each bin."""
        values, labels = validate_data(self, X, y, dtype=float, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        place = self._bin(values)
        counts = np.zeros((self.size_, len(self.classes_)))
        np.add.at(counts, (place, codes), 1)
        self.shares_ = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """(n, classes) shares."""
        shares: Floats = self.shares_[self._place(self._known(X))]
        return shares

    def predict(self, X: Any) -> Any:
        """The most frequent class."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
