"""Why a customer may leave: the model's terms, summed by theme, in plain words.

Features of one theme tell one story (recency, gaps overdue, recency against the longest gap), so their terms
are added; the log-odds are the base plus the themes, exactly. A reason is a theme that raises the risk above
the mean customer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from models_ml.common.fitted import Fitted
from models_ml.common.samples import Samples
from models_ml.common.types import Floats

REASONS = 3
THEMES: dict[str, tuple[str, ...]] = {
    "absence": ("recency_days", "gaps_overdue", "recency_to_longest_gap"),
    "frequency": ("purchase_days_1h", "purchase_days_2h", "frequency_trend"),
    "habit": ("purchase_days_4h", "purchase_rate", "expected_gap_days"),
    "newness": ("tenure_days",),
    "rhythm": ("gap_variation", "longest_gap_days"),
    "season": ("purchase_days_year_ago",),
    "spend": ("spend_1h", "spend_4h", "spend_trend"),
    "basket": ("spend_per_order", "units_per_order", "lines_per_order", "categories_per_day"),
    "price": ("discount_share",),
    "response": ("responses_4h",),
    "service": ("returns_4h", "contacts_4h", "complaints_4h"),
}
OTHER = "other"
NAMES = {
    "absence": "Absence", "frequency": "Frequency lately", "habit": "Buying habit", "newness": "Time known",
    "rhythm": "Regularity", "season": "Season", "spend": "Spend", "basket": "Basket", "price": "Discounts",
    "response": "Response to campaigns", "service": "Returns and complaints", OTHER: "Other",
}  # fmt: skip


def theme_of(name: str) -> str:
    """Theme of a feature."""
    return next((theme for theme, names in THEMES.items() if name in names), OTHER)


def by_theme(model: Fitted, x: Floats) -> tuple[list[str], Floats]:
    """Themes and their (n, themes) terms of the log-odds relative to the mean customer."""
    themes = [theme for theme in (*THEMES, OTHER) if any(theme_of(name) == theme for name in model.names)]
    place = {theme: i for i, theme in enumerate(themes)}
    member = np.zeros((len(model.names), len(themes)))
    for row, name in enumerate(model.names):
        member[row, place[theme_of(name)]] = 1
    return themes, model.contributions(x) @ member


def sentences(samples: Samples, rows: Floats, horizon_days: int) -> dict[str, list[str]]:
    """Theme → what to say of each of the rows."""

    def column(name: str) -> pd.Series:
        i = samples.names.index(name) if name in samples.names else None
        return pd.Series(samples.x[rows, i] if i is not None else np.full(len(samples.x[rows]), np.nan))

    def whole(name: str) -> pd.Series:
        return column(name).fillna(0).round().astype(int).astype(str)

    def decimal(name: str, places: int = 1) -> pd.Series:
        return column(name).map(lambda value: "–" if np.isnan(value) else f"{value:,.{places}f}")

    def times(name: str, one: str, many: str) -> pd.Series:
        count = column(name).fillna(0).round().astype(int)
        return count.astype(str) + count.map(lambda n: f" {one}" if n == 1 else f" {many}")

    memory = 4 * horizon_days
    absent = whole("recency_days").where(column("recency_days") < memory, f"more than {memory}")
    longest = "Irregular buying: the longest gap was " + decimal("longest_gap_days", 0) + " days"
    # Facts without a judgement: whether they raise the risk is the model's, and a customer's own, affair.
    frame = {
        "absence": "No purchase for " + absent + " days; usual gap " + decimal("expected_gap_days", 0) + " days",
        "frequency": "Bought on " + times("purchase_days_1h", "day", "days") + f" in the last {horizon_days} days, on "
        + whole("purchase_days_2h") + f" in the {horizon_days} before",
        "habit": "Bought on " + times("purchase_days_4h", "day", "days") + f" in the last {memory} days",
        "newness": "Known for " + whole("tenure_days").where(column("tenure_days") < memory, f"more than {memory}")
        + " days",
        "rhythm": longest.where(column("longest_gap_days").notna(), "No gap between purchases to go by"),
        "season": "Bought on " + times("purchase_days_year_ago", "day", "days") + " in this season a year ago",
        "spend": "Spent " + decimal("spend_1h", 0) + f" in the last {horizon_days} days, " + decimal("spend_4h", 0)
        + f" in the last {memory}",
        "basket": "Baskets of " + decimal("spend_per_order", 0) + " and " + decimal("lines_per_order") + " lines",
        "price": "Discounts of "
        + column("discount_share").mul(100).map(lambda v: "unknown size" if np.isnan(v) else f"{v:.0f} %"),
        "response": "Responded to campaigns " + times("responses_4h", "time", "times") + f" in {memory} days",
        "service": times("returns_4h", "return", "returns") + ", " + times("contacts_4h", "question", "questions")
        + " and " + times("complaints_4h", "complaint", "complaints") + f" in {memory} days",
        OTHER: pd.Series("Other signs", index=range(len(absent))),
    }  # fmt: skip
    return {theme: text.tolist() for theme, text in frame.items()}


def reasons(model: Fitted, samples: Samples, at: int) -> pd.DataFrame:
    """Each customer's reasons at a cut-off, the strongest first; null where fewer themes raise the risk.

    Returns:
        reason_1 … reason_3 (text), theme_1 … theme_3, share_1 … share_3 (of the raised log-odds).
    """
    rows = samples.cutoff == at
    themes, terms = by_theme(model, samples.of(model.names, rows))
    texts = sentences(samples, rows, samples.horizon_days)
    raised = np.maximum(terms, 0)
    total = raised.sum(axis=1)
    order = np.argsort(-raised, axis=1, kind="stable")
    every = np.array([texts[theme] for theme in themes], dtype=object)
    names = np.array([NAMES[theme] for theme in themes], dtype=object)
    line = np.arange(len(terms))
    found: dict[str, Sequence[object]] = {}
    for rank in range(REASONS):
        if rank < len(themes):
            theme = order[:, rank]
            counts = raised[line, theme] > 0
            found[f"reason_{rank + 1}"] = kept(every[theme, line], counts)
            found[f"theme_{rank + 1}"] = kept(names[theme], counts)
            found[f"share_{rank + 1}"] = (
                np.where(counts, raised[line, theme] / np.where(total > 0, total, 1), 0).round(6).tolist()
            )
        else:
            found |= {f"reason_{rank + 1}": [None] * len(line), f"theme_{rank + 1}": [None] * len(line),
                      f"share_{rank + 1}": [0.0] * len(line)}  # fmt: skip
    return pd.DataFrame(found, index=range(len(line)))


def kept(values: Any, counts: Any) -> list[str | None]:
    """The values that count; null elsewhere."""
    return [value if count else None for value, count in zip(values, counts, strict=True)]


def importance(model: Fitted, samples: Samples, at: int) -> dict[str, float]:
    """Name of a theme → mean absolute term of the log-odds over the customers of a cut-off, the largest first."""
    themes, terms = by_theme(model, samples.of(model.names, samples.cutoff == at))
    weights = np.abs(terms).mean(axis=0)
    return {NAMES[themes[i]]: float(weights[i]) for i in np.argsort(-weights, kind="stable")}
