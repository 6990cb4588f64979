"""The value index by hand: percentiles, missing parts, tiers, weights, expected margin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.value.model import (
    PARTS,
    Tiers,
    expected_margin,
    headroom,
    part_score,
    percentile,
    score,
    sensitivity,
    tiers,
    weighted,
)

NAN = float("nan")
WEIGHTS = {"current": 0.3, "future": 0.3, "credit": 0.1, "loyalty": 0.15, "growth": 0.15}
CUTS = Tiers(0.2, 0.4)


def customers(n: int = 10) -> pd.DataFrame:
    """Customers of rising worth."""
    i = np.arange(1, n + 1)
    return pd.DataFrame(
        {
            "customer_key": i, "net_margin_12m": 100.0 * i, "is_margin_known": True, "margin_ever": 200.0 * i,
            "spend_12m": 100.0 * i, "spend_half_year": 50.0 * i, "spend_half_year_before": 50.0, "purchase_days": 2 * i,
            "tenure_days": 400, "gap_variation": 1.0 / i, "main_store_share": NAN, "points_balance": NAN,
            "responses_12m": NAN, "on_time_share": NAN, "days_late": NAN, "bad_debt_share": NAN, "credit_score": NAN,
            "categories": 3,
        }
    )  # fmt: skip


def test_percentiles_by_hand() -> None:
    assert percentile(np.array([10.0, 30.0, 20.0, 40.0])) == pytest.approx([12.5, 62.5, 37.5, 87.5])
    assert percentile(np.array([1.0, 1.0])) == pytest.approx([50, 50])
    found = percentile(np.array([1.0, NAN, 2.0]))
    assert found[[0, 2]] == pytest.approx([25, 75])
    assert np.isnan(found[1])


def test_a_part_is_the_percentile_of_its_figures_mean_percentile() -> None:
    first, second = np.array([1.0, 2.0, 3.0, 4.0]), np.array([NAN, NAN, 9.0, 1.0])
    # percentiles 12.5 37.5 62.5 87.5 and – – 75 25: means 12.5 37.5 68.75 56.25
    assert part_score([first, second]) == pytest.approx([12.5, 37.5, 87.5, 62.5])
    assert np.isnan(part_score([np.full(4, NAN), np.full(4, 7.0)])).all()  # one value for all says nothing


def test_missing_parts_give_their_weight_to_the_others() -> None:
    parts = np.array([[80.0, 40.0, NAN, NAN, NAN], [80.0, 40.0, 100.0, 0.0, 60.0], [NAN] * 5])
    weights = np.array([WEIGHTS[part] for part in PARTS])
    assert weighted(parts, weights) == pytest.approx([60, 24 + 12 + 10 + 0 + 9, 50])


def test_tiers_by_share_and_level_customers_together() -> None:
    assert tiers(np.arange(10.0), CUTS).tolist() == ["low"] * 4 + ["middle"] * 4 + ["high"] * 2
    assert set(tiers(np.zeros(7), CUTS)) == {"middle"}


def test_expected_margin_by_hand() -> None:
    frame = pd.DataFrame({"tenure_days": [180.0, 180.0], "purchase_days": [7.0, 3.0], "margin_ever": [70.0, 60.0]})
    # 8 repeat purchase days in 360 days of tenure: 1/45 a day. Rates (6 + 2) / 270 and (2 + 2) / 270 a day.
    # Mean margin 13 a purchase day: (70 + 39) / 10 and (60 + 39) / 6.
    future, staying = expected_margin(frame, np.array([0.25, 0.5]))
    assert staying == pytest.approx([365 * 8 / 270 * 10.9, 365 * 4 / 270 * 16.5])
    assert future == pytest.approx([staying[0] * 0.75, staying[1] * 0.5])


def test_headroom_is_what_like_customers_spend_more() -> None:
    frame = pd.DataFrame({"spend_12m": [0.0, 100.0, 50.0], "purchase_days": [5, 5, 5]})
    assert headroom(frame) == pytest.approx([90, 0, 40])  # the 90th percentile of 0, 50 and 100


def test_an_index_and_its_missing_parts() -> None:
    found = score(customers(), np.full(10, 0.1), WEIGHTS, CUTS)
    assert (found["missing_parts"] == "credit").all()
    assert found["value_index"].is_monotonic_increasing
    assert found["index_tier"].tolist() == ["low"] * 4 + ["middle"] * 4 + ["high"] * 2
    assert found["credit_score"].isna().all()


def test_churn_lowers_the_future_only() -> None:
    calm = score(customers(), np.full(10, 0.1), WEIGHTS, CUTS)
    warned = score(customers(), np.r_[np.full(9, 0.1), 0.95], WEIGHTS, CUTS)
    assert warned["future_score"].iloc[-1] < calm["future_score"].iloc[-1]
    assert warned["current_score"].iloc[-1] == calm["current_score"].iloc[-1]
    assert warned["value_index"].iloc[-1] < calm["value_index"].iloc[-1]


def test_a_weight_of_one_part_alone_decides_everything() -> None:
    only = dict.fromkeys(PARTS, 0.0) | {"current": 1.0}
    found = score(customers(), np.full(10, 0.1), only, CUTS)
    assert found["value_index"].tolist() == pytest.approx(found["current_score"].tolist())
    moved = sensitivity(found, only, CUTS)
    assert moved["part"].tolist() == ["current", "current"]
    assert (moved["kept_share"] == 1).all()
    assert found["is_tier_firm"].all()


def test_sensitivity_counts_who_moves() -> None:
    rng = np.random.default_rng(0)
    frame = customers(200).assign(net_margin_12m=rng.random(200), spend_half_year=rng.random(200) * 100)
    found = score(frame, rng.random(200), WEIGHTS, CUTS)
    moved = sensitivity(found, WEIGHTS, CUTS)
    assert len(moved) == 10
    both = moved["moved_up"] + moved["moved_down"]
    assert ((1 - moved["kept_share"]) * 200).round(6).tolist() == both.tolist()
    assert both.sum() > 0


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=40))
def test_percentiles_keep_order_and_mean_fifty(values: list[float]) -> None:
    found = percentile(np.array(values))
    assert found.mean() == pytest.approx(50)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


def test_one_customer_and_unknown_churn() -> None:
    found = score(customers(1), np.array([NAN]), WEIGHTS, CUTS)
    assert found["value_index"].between(0, 100).all()
    assert found["expected_margin"].notna().all()
