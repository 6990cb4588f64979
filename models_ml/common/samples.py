"""The samples contract: units looked at on several days, what was known of them, and what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models_ml.common.declare import Label, Later
from models_ml.common.types import Floats, Ints

CUTOFF = "cutoff_no"
CUSTOMER = "customer_key"
WEIGHT, EXPOSURE = "weight", "exposure"
STEPS_PER_HORIZON = 2  # cut-offs lie half a horizon apart


@dataclass(frozen=True)
class Cutoff:
    """A day at which units are looked at.

    Args:
        no: half horizons before as_of.
        day: last day that counts for features.
        is_labelled: whether its window is over.
        season: log of purchase days after ÷ before, once the window is over.
        season_year_ago: log of the same ratio a year earlier.
    """

    no: int
    day: dt.date
    is_labelled: bool
    season: float | None
    season_year_ago: float | None


@dataclass(frozen=True)
class Samples:
    """Rows of unit × cut-off.

    Args:
        names: of the f features.
        x: (n, f), NaN for missing.
        y: (n,) target: 0 and 1, class numbers, counts or amounts; NaN where it is not known.
        cutoff: (n,) number of the cut-off.
        units: key column → (n,).
        customer: (n,) cluster: rows of one customer are no independent observations.
        cutoffs: by number.
        horizon_days: length of the window that the target is about.
        notes: what was found while reading, for the card.
        weight: (n,) how often each row counts.
        exposure: (n,) how much of a window a count or amount was observed for; 1 is the whole.
    """

    names: list[str]
    x: Floats
    y: Floats
    cutoff: Ints
    units: dict[str, Ints]
    customer: Ints
    cutoffs: dict[int, Cutoff]
    horizon_days: int
    notes: list[str] = field(default_factory=list)
    weight: Floats = field(default_factory=lambda: np.ones(0))
    exposure: Floats = field(default_factory=lambda: np.ones(0))

    def __post_init__(self) -> None:
        """Every row counts once, for the whole window, unless said otherwise."""
        for name in (WEIGHT, EXPOSURE):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.ones(len(self.y)))

    @property
    def is_known(self) -> Any:
        """(n,) whether the outcome is."""
        return np.isfinite(self.y)

    def rows(self, low: int, high: int | None = None) -> Any:
        """Which rows lie at cut-offs from number `low` to `high`, both included."""
        return (self.cutoff >= low) & (self.cutoff <= (high if high is not None else self.cutoff.max(initial=0)))

    def column(self, name: str) -> Floats:
        """One feature."""
        values: Floats = self.x[:, self.names.index(name)]
        return values

    def usable(self, rows: Any) -> list[str]:
        """Features that have at least two values among the rows."""
        return [
            name for i, name in enumerate(self.names) if len(np.unique(self.x[rows, i][~np.isnan(self.x[rows, i])])) > 1
        ]

    def of(self, names: Sequence[str], rows: Any) -> Floats:
        """(m, k) values of some features in some rows."""
        values: Floats = self.x[rows][:, [self.names.index(name) for name in names]]
        return values


def samples_of(
    population: pd.DataFrame,
    cutoffs: pd.DataFrame,
    target: Label | Later,
    labels: pd.DataFrame | None = None,
    unit: Sequence[str] = (CUSTOMER,),
) -> Samples:
    """Samples from the tables of the feature layer; infinite values count as missing, and are noted.

    Args:
        population: one row per cutoff_no and unit; every other column is a feature.
        cutoffs: cutoff_no, cut_off, horizon_days, is_labelled, season, season_year_ago.
        target: where the outcome stands.
        labels: the label model's rows, where the target is one.
        unit: key columns.
    """
    keys = [CUTOFF, *unit]
    known = cutoffs_of(cutoffs)
    names = [name for name in population.columns if name not in keys and name != CUSTOMER]
    ordered = population.sort_values(keys)
    outcome = later(ordered, target, known, keys) if isinstance(target, Later) else labels
    if outcome is None:
        raise ValueError(f"the rows of {target} are needed")
    column = "target" if isinstance(target, Later) else target.column
    kept = [*keys, column, *(name for name in (WEIGHT, EXPOSURE) if name in outcome.columns)]
    outcome = outcome[kept].rename(columns={column: "_target", WEIGHT: "_weight", EXPOSURE: "_exposure"})
    joined = ordered.merge(outcome, on=keys, how="left", validate="one_to_one")
    x = joined[names].to_numpy(dtype=float, na_value=np.nan)
    notes = [
        f"{int(count)} infinite values of {name} count as missing"
        for name, count in zip(names, np.isinf(x).sum(axis=0), strict=True)
        if count
    ]
    x[np.isinf(x)] = np.nan

    def amounts(name: str) -> Floats:
        values = np.ones(len(joined))
        if name in joined.columns:
            values = joined[name].to_numpy(dtype=float, na_value=1.0)
        return values

    units = {name: joined[name].to_numpy(dtype=np.int64) for name in unit}
    return Samples(
        names, x, joined["_target"].to_numpy(dtype=float, na_value=np.nan), joined[CUTOFF].to_numpy(dtype=np.int64),
        units, clusters(joined), known, int(cutoffs["horizon_days"].iloc[0]), notes,
        amounts("_weight"), amounts("_exposure"),
    )  # fmt: skip


def clusters(rows: pd.DataFrame) -> Ints:
    """Whom each row belongs to: the customer, or the row itself where there is none."""
    if CUSTOMER not in rows.columns:
        return np.arange(len(rows), dtype=np.int64)
    values: Ints = rows[CUSTOMER].to_numpy(dtype=np.int64)
    return values


def cutoffs_of(frame: pd.DataFrame) -> dict[int, Cutoff]:
    """Cut-offs by number."""

    def log(value: Any) -> float | None:
        return float(np.log(value)) if value is not None and np.isfinite(value) and value > 0 else None

    return {
        int(row[CUTOFF]): Cutoff(
            int(row[CUTOFF]), pd.Timestamp(row["cut_off"]).date(), bool(row["is_labelled"]),
            log(row["season"]), log(row["season_year_ago"]),
        )
        for row in frame.to_dict("records")
    }  # fmt: skip


def later(population: pd.DataFrame, target: Later, cutoffs: dict[int, Cutoff], keys: list[str]) -> pd.DataFrame:
    """What a feature is one horizon after each finished cut-off: keys and `target`; who is gone by then has none."""
    ahead = population[[*keys, target.feature]].rename(columns={target.feature: "target"})
    ahead = ahead.assign(**{CUTOFF: ahead[CUTOFF] + STEPS_PER_HORIZON})
    finished = [no for no, cutoff in cutoffs.items() if cutoff.is_labelled]
    return ahead[ahead[CUTOFF].isin(finished)]
