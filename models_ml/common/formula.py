"""What a score that is not learned returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Computed:
    """A formula's result.

    Args:
        scores: unit and declared columns.
        tables: the declared tables beside it, by name.
        note: what its card adds to "a formula, nothing to train".
    """

    scores: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    note: str = ""
