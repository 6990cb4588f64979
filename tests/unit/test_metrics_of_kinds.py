"""Metrics and gates of several classes, counts, amounts and uplift, against values worked by hand and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as published
from hypothesis import given
from hypothesis import strategies as st

from models_ml.common import gates, metrics_amount, metrics_multiclass, uplift
from models_ml.common.calibration import onto

ONES = np.ones(4)
# Four rows of three classes.
CLASSES = np.array([0.0, 1.0, 2.0, 1.0])
SHARES = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.6, 0.3, 0.1]])


def test_multiclass_by_hand() -> None:
    expected = -(math.log(0.7) + math.log(0.5) + math.log(0.6) + math.log(0.3)) / 4
    assert metrics_multiclass.log_loss(CLASSES, SHARES, ONES) == pytest.approx(expected)
    # (.09+.04+.01) + (.04+.25+.09) + (.01+.09+.16) + (.36+.49+.01), over four
    assert metrics_multiclass.brier(CLASSES, SHARES, ONES) == pytest.approx((0.14 + 0.38 + 0.26 + 0.86) / 4)
    assert metrics_multiclass.accuracy(CLASSES, SHARES, ONES) == 0.75


def test_multiclass_log_loss_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    p, y, w = rng.dirichlet([1, 2, 3], 300), rng.integers(0, 3, 300), rng.random(300)
    assert metrics_multiclass.log_loss(y.astype(float), p, w) == pytest.approx(
        published.log_loss(y, p, sample_weight=w, labels=[0, 1, 2])
    )


def test_the_error_of_classes_is_found_where_it_is() -> None:
    """Outcomes drawn from the probabilities are right to within chance; a class that comes twice as often is not."""
    rng = np.random.default_rng(2)
    p = rng.dirichlet([4, 3, 3], 6_000)
    y = (p.cumsum(axis=1) < rng.random(6_000)[:, None]).sum(axis=1).astype(float)
    right = gates.calibrated("calibrated", y, p, 0.05)
    assert right.passed
    assert right.observed == pytest.approx(0, abs=0.01)
    moved = np.where((y == 0) & (rng.random(6_000) < 0.5), 2.0, y)
    wrong = gates.calibrated("calibrated", moved, p, 0.05)
    assert not wrong.passed
    assert wrong.observed == pytest.approx(0.2, abs=0.03)  # half of class 0's 40 %


def test_provisional_classes_add_to_one_in_the_order_of_the_model() -> None:
    rng = np.random.default_rng(3)
    p, reference = rng.dirichlet([1, 1, 1], 200), rng.dirichlet([8, 1, 1], 200)
    dealt = onto(p, reference)
    assert dealt.sum(axis=1) == pytest.approx(np.ones(200))
    assert dealt[:, 0].mean() == pytest.approx(reference[:, 0].mean(), abs=0.05)


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_deviances_are_scikit_learns(power: float) -> None:
    rng = np.random.default_rng(4)
    p = rng.gamma(2, 3, 500)
    y = rng.poisson(p).astype(float)
    expected = published.mean_tweedie_deviance(y, p, power=power)
    assert metrics_amount.deviances(y, p, power).mean() == pytest.approx(expected)


def test_totals_and_fifths_by_hand() -> None:
    y = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 14])
    p = np.array([1.0, 1, 2, 2, 4, 4, 6, 6, 9, 9])
    ones = np.ones(10)
    assert metrics_amount.total_error(y, p, ones) == pytest.approx(44 / 50 - 1)
    assert metrics_amount.fifths(y, p, ones) == [(1, 0.5), (2, 2.5), (4, 4.5), (6, 6.5), (9, 11)]
    assert metrics_amount.fifths_error(y, p, ones) == pytest.approx((0.5 * 4 + 2) / 5 / 5)
    assert metrics_amount.mean_error(y, p, ones) == pytest.approx((1 + 0 + 0 + 1 + 0 + 1 + 0 + 1 + 1 + 5) / 10)


def test_intervals_by_hand_and_what_they_cover() -> None:
    # Errors in units of the root of 4: -1, -0.5, 0, 0.5, 1; the middle 80 % of five lie from -0.8 to 0.8.
    widths = metrics_amount.interval_widths(np.array([2.0, 3, 4, 5, 6]), np.full(5, 4.0))
    assert widths == pytest.approx((-0.8, 0.8))
    low, high = metrics_amount.interval(np.array([0.25, 4.0]), widths)
    assert (low, high) == (pytest.approx([0, 2.4]), pytest.approx([0.65, 5.6]))
    assert metrics_amount.coverage(np.array([0.0, 6.0]), low, high, np.ones(2)) == 0.5


def test_gates_of_counts_tell_right_from_wrong() -> None:
    rng = np.random.default_rng(5)
    p = rng.gamma(2, 2, 4_000)
    y, earlier = (rng.poisson(p).astype(float) for _ in range(2))
    people = np.arange(4_000)
    assert gates.right_total("right_total", y, p, people, 0.1).passed
    assert not gates.right_total("right_total", y, p * 1.4, people, 0.1).passed
    assert gates.right_fifths("right_fifths", y, p, 0.15).passed
    assert not gates.right_fifths("right_fifths", y, np.full(4_000, p.mean()) + (p.max() - p) * 0.5, 0.15).passed
    assert gates.covered("covered", (earlier, p), (y, p), 0.1).passed
    wild = y + rng.choice([0, 30], 4_000)
    assert not gates.covered("covered", (earlier, p), (wild, p), 0.1).passed


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 50)), min_size=5, max_size=40))
def test_a_deviance_is_never_below_zero_and_zero_only_where_right(rows: list[tuple[int, float]]) -> None:
    y, p = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    for power in (1.0, 1.5):
        assert (metrics_amount.deviances(y, p, power) >= -1e-9).all()
        assert metrics_amount.deviances(p, p, power) == pytest.approx(np.zeros(len(p)), abs=1e-6)


def test_qini_by_hand() -> None:
    """Two treated and two untreated, half of the units treated: z is 2y of the treated and -2y of the others.

    The score ranks unit 1 (z = 2) first, then 2 (z = -2), 3 (z = 0) and 4 (z = 0): shares before each, with its own
    half, are 1/8, 3/8, 5/8 and 7/8. The covariance of z (mean 0) with one half less these is
    (2 * 3/8 - 2 * 1/8 + 0 + 0) / 4 = 1/8.
    """
    y, treated = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])
    assert uplift.transformed(y, treated).tolist() == [2, -2, 0, 0]
    assert uplift.ranks(np.array([4.0, 3.0, 2.0, 1.0])).tolist() == [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    assert uplift.qini(y, treated, np.array([4.0, 3.0, 2.0, 1.0])).value == pytest.approx(1 / 8)
    assert uplift.qini(y, treated, np.ones(4)).value == 0  # everybody alike: no order, no gain
    curve = uplift.qini_curve(y, treated, np.array([4.0, 3.0, 2.0, 1.0]), points=4)
    assert curve == [(0, 0, 0), (0.25, 0.5, 0), (0.5, 0, 0), (0.75, 0, 0), (1, 0, 0)]


def test_the_qini_coefficient_is_the_area_between_the_curve_and_chance() -> None:
    rng = np.random.default_rng(6)
    moved, treated = rng.random(2_000), (rng.random(2_000) < 0.5).astype(float)
    y = (rng.random(2_000) < 0.2 + 0.5 * moved * treated).astype(float)
    curve = np.array(uplift.qini_curve(y, treated, moved, points=2_000))
    area = np.trapezoid(curve[:, 1] - curve[:, 2], curve[:, 0])
    assert uplift.qini(y, treated, moved).value == pytest.approx(area, abs=1e-9)


def test_the_qini_interval_holds_what_it_promises() -> None:
    """Over many trials the interval of a score covers its value in all of the population in about 95 %."""
    rng = np.random.default_rng(7)
    # The effect is moved / 2 with moved uniform, and the score is right: the covariance with 1/2 - rank is 1/24.
    hits = 0
    for _ in range(300):
        moved, treated = rng.random(800), (rng.random(800) < 0.5).astype(float)
        y = (rng.random(800) < 0.2 + 0.5 * moved * treated).astype(float)
        found = uplift.qini(y, treated, moved, share=0.5)
        hits += found.low <= 1 / 24 <= found.high
    assert hits / 300 == pytest.approx(0.95, abs=0.035)


def test_a_score_that_moves_nobody_is_refused() -> None:
    rng = np.random.default_rng(8)
    moved, treated = rng.random(4_000), (rng.random(4_000) < 0.5).astype(float)
    y = (rng.random(4_000) < 0.2 + 0.5 * moved * treated).astype(float)
    people = np.arange(4_000)
    assert gates.moves_people("moves_people", y, treated, moved, people).passed
    assert not gates.moves_people("moves_people", y, treated, rng.random(4_000), people).passed
    assert not gates.moves_people("moves_people", y, treated, -moved, people).passed
    with pytest.raises(ValueError, match="treated and untreated"):
        uplift.qini(y, np.ones(4_000), moved)
