"""The composite value index: five parts, each a 0-100 percentile, weighted, with tiers.

Each part is the mean of its figures' percentiles, made a percentile again among the customers that have it.
A percentile is the share of customers below plus half of those level (Hazen), times 100. What the sources do
not tell is left out of the part; a part without any figure is left out of the index, and the others weigh more.

current: margin of 12 months after returns and service cost.
future: expected margin of 12 months: purchase days a year × margin per purchase day × probability of still
    buying, rate and margin shrunk to the company's mean.
credit: share of invoices paid on time; less days late; less bad debt; credit score.
loyalty: tenure; less variation of the gaps; share of the main store; points; responses to campaigns.
growth: spend of the last half year against the one before; less categories used already; headroom to the
    spend of like customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models_ml.common.formula import Computed
from models_ml.common.types import Floats
from models_ml.value.score import Settings

PARTS = ("current", "future", "credit", "loyalty", "growth")
YEAR = 365.0
PRIOR_DAYS, PRIOR_PURCHASES = 90.0, 3.0  # weight of the company's mean, in days of tenure and purchase days
PEER_QUANTILE = 0.9
SHIFTS = (0.5, 1.5)  # sensitivity: each weight halved, and half as much again


@dataclass(frozen=True)
class Tiers:
    """Shares of the customers in the highest and the lowest tier."""

    high: float
    low: float


def percentile(values: Floats) -> Floats:
    """(n,) share of known values below, plus half of those level, times 100; NaN stays NaN."""
    series = pd.Series(values)
    ranks = series.rank(method="average").to_numpy(dtype=np.float64)
    found: Floats = (ranks - 0.5) / max(int(series.notna().sum()), 1) * 100
    return found


def expected_margin(frame: pd.DataFrame, churn: Floats) -> tuple[Floats, Floats]:
    """Margin expected in the next 12 months, and the same if the customer were sure to stay; company currency.

    Rates are shrunk (empirical Bayes with a fixed prior weight): a customer of two days who bought once is not
    expected to buy 180 times a year.
    """
    tenure = frame["tenure_days"].to_numpy(dtype=float)
    days = frame["purchase_days"].to_numpy(dtype=float)
    margin = frame["margin_ever"].to_numpy(dtype=float)
    rate = (days - 1 + PRIOR_DAYS * max(days.sum() - len(days), 0) / max(tenure.sum(), 1)) / (tenure + PRIOR_DAYS)
    mean = margin.sum() / max(days.sum(), 1)
    worth = (margin + PRIOR_PURCHASES * mean) / (days + PRIOR_PURCHASES)
    staying: Floats = rate * YEAR * worth
    return staying * (
        1 - np.nan_to_num(churn, nan=float(np.nanmean(churn)) if np.isfinite(churn).any() else 0.5)
    ), staying


def headroom(frame: pd.DataFrame) -> Floats:
    """What like customers (same fifth of purchase days) spend at their 90th percentile, less the own spend, ≥ 0."""
    spend = frame["spend_12m"].astype(float)
    fifth = np.minimum((percentile(frame["purchase_days"].to_numpy(dtype=float)) / 20).astype(int), 4)
    peers = spend.groupby(fifth).transform(lambda group: group.quantile(PEER_QUANTILE))
    found: Floats = np.maximum(peers.to_numpy(dtype=np.float64) - spend.to_numpy(dtype=np.float64), 0)
    return found


def figures(frame: pd.DataFrame, future: Floats) -> dict[str, list[Floats]]:
    """Part → its figures, more is better; NaN where it is not known."""

    def column(name: str) -> Floats:
        found: Floats = frame[name].to_numpy(dtype=float, na_value=np.nan)
        return found

    recent, before = column("spend_half_year"), column("spend_half_year_before")
    old_enough = column("tenure_days") >= 182
    trend = np.where(old_enough, np.log((np.maximum(recent, 0) + 1) / (np.maximum(before, 0) + 1)), np.nan)
    return {
        "current": [column("net_margin_12m")],
        "future": [future],
        "credit": [column("on_time_share"), -column("days_late"), -column("bad_debt_share"), column("credit_score")],
        "loyalty": [
            column("tenure_days"), -column("gap_variation"), column("main_store_share"), column("points_balance"),
            column("responses_12m"),
        ],
        "growth": [trend, -column("categories"), headroom(frame)],
    }  # fmt: skip


def part_score(values: list[Floats]) -> Floats:
    """Percentile of the mean percentile of a part's figures; NaN where none is known."""
    ranks = [percentile(v) for v in values if np.isfinite(v).any() and len(np.unique(v[np.isfinite(v)])) > 1]
    if not ranks:
        return np.full(len(values[0]), np.nan)
    table = np.vstack(ranks)
    known = np.isfinite(table)
    count = known.sum(axis=0)
    mean = np.where(count, np.where(known, table, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return percentile(np.round(mean, 6).astype(np.float64))


def weighted(parts: Floats, weights: Floats) -> Floats:
    """(n,) index 0-100 of (n, 5) parts: missing parts give their weight to the others; 50 where none is known."""
    known = np.isfinite(parts)
    total = (known * weights).sum(axis=1)
    found: Floats = np.where(total > 0, np.where(known, parts, 0) @ weights / np.where(total > 0, total, 1), 50.0)
    return np.round(found, 6)


def tiers(index: Floats, cuts: Tiers) -> np.ndarray:
    """high, middle or low by rank; customers level with each other are in one tier."""
    below = percentile(index)
    return np.where(below > 100 * (1 - cuts.high), "high", np.where(below <= 100 * cuts.low, "low", "middle"))


def score(frame: pd.DataFrame, churn: Floats, weights: Mapping[str, float], cuts: Tiers) -> pd.DataFrame:
    """Score the customers.

    Args:
        frame: feature table of the value index, one row per customer_key.
        churn: (n,) churn probabilities in the frame's order, NaN where there is none.
        weights: part → weight.
        cuts: of the tiers.

    Returns:
        customer_key, the five `<part>_score`, value_index, index_tier, missing_parts (text, empty where complete),
        expected_margin, margin_if_staying (12 months, company currency), is_tier_firm (the same under every shift).
    """
    future, staying = expected_margin(frame, churn)
    table = np.column_stack([part_score(values) for values in figures(frame, future).values()])
    index, tier, firm = indexed(table, weights, cuts)
    missing = [", ".join(p for p, known in zip(PARTS, row, strict=True) if not known) for row in np.isfinite(table)]
    return pd.DataFrame(
        {"customer_key": frame["customer_key"].to_numpy()}
        | {f"{part}_score": np.round(table[:, i], 6) for i, part in enumerate(PARTS)}
        | {
            "value_index": index, "index_tier": tier, "missing_parts": missing, "is_tier_firm": firm,
            "expected_margin": np.round(future, 6), "margin_if_staying": np.round(staying, 6),
        }
    )  # fmt: skip


def indexed(table: Floats, weights: Mapping[str, float], cuts: Tiers) -> tuple[Floats, np.ndarray, np.ndarray]:
    """Index, tier, and whether no shift of one weight changes the tier, of (n, 5) part scores."""
    index = weighted(table, np.array([weights[part] for part in PARTS]))
    tier = tiers(index, cuts)
    firm = np.ones(len(table), dtype=bool)
    for _, moved in scenarios(weights):
        firm &= tiers(weighted(table, moved), cuts) == tier
    return index, tier, firm


def scenarios(weights: Mapping[str, float]) -> list[tuple[tuple[str, float], Floats]]:
    """(part, factor) and the weights with that part's weight multiplied; parts without weight are left alone."""
    return [
        ((part, factor), np.array([weights[p] * (factor if p == part else 1.0) for p in PARTS]))
        for part in PARTS
        for factor in SHIFTS
        if weights[part] > 0
    ]


def sensitivity(scores: pd.DataFrame, weights: Mapping[str, float], cuts: Tiers) -> pd.DataFrame:
    """How the tiers depend on the weights: part, factor, customers, kept_share, moved_up, moved_down."""
    table = scores[[f"{part}_score" for part in PARTS]].to_numpy(dtype=float)
    order = {"low": 0, "middle": 1, "high": 2}
    now = np.array([order[tier] for tier in scores["index_tier"]])
    rows = []
    for (part, factor), moved in scenarios(weights):
        then = np.array([order[tier] for tier in tiers(weighted(table, moved), cuts)])
        rows.append(
            {"part": part, "factor": factor, "customers": len(now),
             "kept_share": float((then == now).mean()) if len(now) else 1.0,
             "moved_up": int((then > now).sum()), "moved_down": int((then < now).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def compute(frames: Mapping[str, pd.DataFrame], settings: Settings) -> Computed:
    """The score from its frames.

    Args:
        frames: `feat_customer_value`, and the published rows of `churn`.
        settings: the company's.
    """
    frame = frames["feat_customer_value"].sort_values("customer_key", ignore_index=True)
    risks = frames["churn"].set_index("customer_key")["churn_probability"]
    churn = frame["customer_key"].map(risks).to_numpy(dtype=float, na_value=np.nan)
    weights, cuts = settings.weights.model_dump(), Tiers(settings.high_share, settings.low_share)
    scores = score(frame, churn, weights, cuts)
    missing = sorted({part for text in scores["missing_parts"].unique() for part in text.split(", ") if part})
    return Computed(
        scores,
        {"value_sensitivity": sensitivity(scores, weights, cuts)},
        f"some customers lack: {', '.join(missing)}" if missing else "",
    )
