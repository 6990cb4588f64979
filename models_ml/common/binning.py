"""Columns as ranks in bins: robust to scale and outliers, and each column's effect can be read off one table."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models_ml.common.types import Floats


class QuantileBins(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace each value by the number of its quantile bin; missing stays missing.

    Args:
        bins: most bins of a column; fewer where values tie.
    """

    def __init__(self, bins: int = 48) -> None:
        self.bins = bins

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Learn the edges of (n, f) values."""
        values = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        self.edges_ = [self._edges(column) for column in values.T]
        return self

    def _edges(self, column: Floats) -> Floats:
        known = column[np.isfinite(column)]
        if not len(known):
            return np.empty(0)
        # Edges lie between values: a value belongs to one bin, whatever the last bits of a sum are.
        levels = np.unique(np.quantile(known, np.linspace(0, 1, self.bins + 1), method="nearest"))
        middles: Floats = (levels[1:] + levels[:-1]) / 2
        return middles

    def transform(self, X: Any) -> Floats:
        """Bin numbers of (n, f) values, as floats."""
        check_is_fitted(self)
        values = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        columns = [
            np.where(np.isfinite(column), np.searchsorted(edges, column, side="right"), np.nan)
            for column, edges in zip(values.T, self.edges_, strict=True)
        ]
        return np.column_stack(columns).astype(float)

    def __sklearn_tags__(self) -> Any:
        """Missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
