"""Metrics, calibration, drift and gates against values worked by hand or published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.common import gates
from models_ml.common.calibration import perfect_calibration_bound, shift_by_season
from models_ml.common.drift import psi
from models_ml.common.metrics import (
    auc,
    brier,
    calibration_error,
    lift,
    log_loss,
    measure,
    paired_difference,
    pr_auc,
)

Y = np.array([0.0, 0.0, 1.0, 1.0])
P = np.array([0.1, 0.4, 0.35, 0.8])
ONE = np.ones(4)


def test_auc_counts_pairs_in_order() -> None:
    assert auc(Y, P, ONE) == pytest.approx(3 / 4)  # of four pairs only (0.4, 0.35) is the wrong way round
    assert auc(Y, np.full(4, 0.3), ONE) == pytest.approx(1 / 2)
    assert auc(Y, np.array([0.1, 0.4, 0.4, 0.8]), ONE) == pytest.approx(3.5 / 4)  # a tie is half a pair
    assert math.isnan(auc(np.ones(4), P, ONE))


def test_weights_are_repeated_rows() -> None:
    w = np.array([2.0, 1.0, 3.0, 0.0])
    rows = np.repeat(np.arange(4), w.astype(int))
    for metric in (auc, brier, log_loss, lift(0.5)):
        assert metric(Y, P, w) == pytest.approx(metric(Y[rows], P[rows], np.ones(len(rows))))


def test_average_precision_as_published() -> None:
    # The example of scikit-learn's user guide: 0.83.
    assert pr_auc(Y, P, ONE) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_log_loss_and_brier_by_hand() -> None:
    assert log_loss(Y[:2], np.array([0.5, 0.25]), ONE[:2]) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert brier(Y, P, ONE) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)


def test_lift_by_hand() -> None:
    assert lift(0.25)(Y, P, ONE) == pytest.approx(2)  # the riskiest quarter is one churner; half of all are
    assert lift(0.5)(Y, P, ONE) == pytest.approx(1)
    assert lift(0.1)(Y, np.full(4, 0.3), ONE) == pytest.approx(1)  # level customers are taken in part


def test_calibration_error_by_hand() -> None:
    y, p = np.tile([0.0, 1.0], 10), np.full(20, 0.6)
    assert calibration_error(y, p, np.ones(20)) == pytest.approx(0.1)


def test_perfect_calibration_passes_and_a_shift_does_not() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(1, 4, 3_000)
    passed = sum(gates.calibrated((rng.random(3_000) < p).astype(float), p).passed for _ in range(20))
    assert passed >= 17  # 19 of 20 are expected; fewer than 17 would have a chance of 2 %
    y = (rng.random(3_000) < np.clip(p + 0.04, 0, 1)).astype(float)
    assert not gates.calibrated(y, p).passed
    assert perfect_calibration_bound(np.full(100, 0.5)) > perfect_calibration_bound(np.full(10_000, 0.5))


def test_intervals_hold_the_value_and_a_better_score_is_told_from_a_worse_one() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(800)
    y = (rng.random(800) < p).astype(float)
    for found in measure(y, p).values():
        assert found.low <= found.high
    assert measure(y, p)["auc"].low < 5 / 6 < measure(y, p)["auc"].high  # of uniform p: 1/2 + 1/3
    noise = rng.random(800)
    difference, error = paired_difference("auc", y, p, noise)
    assert difference > 3 * error > 0
    assert paired_difference("auc", y, p, p) == (0.0, 0.0)
    worse = gates.not_worse(y, noise, {"the truth": p})
    assert not any(gate.passed for gate in worse)
    assert all(gate.passed for gate in gates.not_worse(y, p, {"noise": noise}))


def test_twice_the_purchases_square_the_probability_of_none() -> None:
    p = np.array([math.exp(-1), math.exp(-0.5)])
    assert shift_by_season(p, math.log(2)) == pytest.approx([math.exp(-2), math.exp(-1)])
    assert shift_by_season(p, 0.0) == pytest.approx(p)


@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=30, unique=True), st.floats(-2, 2))
def test_a_season_keeps_the_order(values: list[float], shift: float) -> None:
    p = np.array(sorted(values))
    assert (np.diff(shift_by_season(p, shift)) >= 0).all()


def test_psi_by_hand() -> None:
    same = np.arange(1_000.0)
    assert psi(same, same) == pytest.approx(0)
    # Half of the rows go missing: 1,000 in ten bins of 100 and none missing, against 50 each and 500 missing,
    # with half a row added to each of the eleven bins.
    now = np.where(np.arange(1_000) % 2 == 0, same, np.nan)
    before, after = np.array([100.5] * 10 + [0.5]), np.array([50.5] * 10 + [500.5])
    before, after = before / before.sum(), after / after.sum()
    assert psi(same, now) == pytest.approx(((after - before) * np.log(after / before)).sum())
    assert psi(same, same + 2_000) > 0.25


def test_gates_say_what_is_wrong() -> None:
    assert not gates.complete(np.array([0.2, np.nan])).passed
    assert not gates.complete(np.full(10, 0.3)).passed  # a silent constant
    assert "1 different" in gates.complete(np.full(10, 0.3)).message
    assert not gates.plausible(np.repeat([0.0, 1.0], 50), np.repeat([0.01, 0.99], 50)).passed
    assert not gates.stable_ranking(0.80, 0.70).passed
    assert gates.stable_ranking(0.80, 0.78).passed
    assert not gates.stable_scores(np.arange(100.0), np.arange(100.0) + 60).passed
