"""Metrics, calibration, drift and gates against values worked by hand or published."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.common import gates
from models_ml.common.calibration import chance_calibration_error, onto, shift_by_season
from models_ml.common.drift import psi
from models_ml.common.metrics import (
    auc,
    auc_error,
    brier,
    calibration_error,
    clustered_mean,
    lift,
    log_loss,
    losses,
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


def test_errors_of_an_auc_and_of_a_mean_by_hand() -> None:
    # Of the ones 0.35 beats half of the zeros and 0.8 all; of the zeros all ones beat 0.1 and half of them 0.4.
    assert auc_error(Y, P) == pytest.approx(math.sqrt(0.125 / 2 + 0.125 / 2))
    assert math.isnan(auc_error(np.array([0.0, 0.0, 1.0]), P[:3]))
    values = np.array([0.0, 0.0, 2.0, 2.0])
    assert clustered_mean(values, np.arange(4)) == pytest.approx((1, math.sqrt(4 / 3) / 2))  # sd over root n
    assert clustered_mean(values, np.array([1, 1, 2, 2])) == pytest.approx((1, 1))  # two observations, 0 and 2
    assert clustered_mean(np.array([1.0, 1, -1, 3]), np.array([1, 1, 2, 2])) == pytest.approx((1, 0))


def test_the_error_that_chance_alone_gives_is_what_draws_show() -> None:
    assert chance_calibration_error(np.full(100, 0.5)) == pytest.approx(
        math.sqrt(2 / math.pi) * 10 * math.sqrt(10 / 4) / 100
    )
    rng = np.random.default_rng(3)
    p = rng.beta(1, 4, 3_000)
    drawn = [calibration_error((rng.random(3_000) < p).astype(float), p, np.ones(3_000)) for _ in range(200)]
    assert chance_calibration_error(p) == pytest.approx(np.mean(drawn), rel=0.05)


def test_calibration_is_judged_by_size_and_not_by_significance() -> None:
    rng = np.random.default_rng(4)
    for size in (300, 300_000):
        p = rng.beta(2, 4, size)
        near = gates.calibrated("calibrated", (rng.random(size) < np.clip(p + 0.03, 0, 1)).astype(float), p, 0.05)
        far = gates.calibrated("calibrated", (rng.random(size) < np.clip(p + 0.15, 0, 1)).astype(float), p, 0.05)
        assert near.passed, (size, near.message)
        assert not far.passed, (size, far.message)


def test_better_than_the_best_baseline_beyond_chance() -> None:
    rng = np.random.default_rng(5)
    truth = rng.beta(1, 2, 1_000)
    y, customer = (rng.random(1_000) < truth).astype(float), np.arange(1_000)
    rate, noise = np.full(1_000, y.mean()), rng.random(1_000)
    better = gates.beats_baseline(
        "beats_baseline", losses(y, truth), {"rate": losses(y, rate), "noise": losses(y, noise)}, customer
    )
    assert better.passed
    assert "better than rate" in better.message  # the best of them
    low, high = better.interval() or (0, 0)
    assert low < high < 0
    difference = losses(y, truth) - losses(y, rate)
    assert (low + high) / 2 == pytest.approx(difference.mean(), abs=1e-5)
    assert high - low == pytest.approx(2 * 1.96 * difference.std(ddof=1) / math.sqrt(1_000), abs=1e-4)
    assert gates.complete(truth).interval() is None
    assert not gates.beats_baseline("beats_baseline", losses(y, rate), {"truth": losses(y, truth)}, customer).passed
    # Equally good is not better, and a thousand copies of thirty customers are thirty.
    assert not gates.beats_baseline("beats_baseline", losses(y, rate), {"rate": losses(y, rate)}, customer).passed
    few = np.tile(np.arange(12), 100)
    ours, theirs = losses(y, truth), {"rate": losses(y, rate)}
    again = gates.beats_baseline("beats_baseline", ours[few], {"rate": theirs["rate"][few]}, few)
    alone = gates.beats_baseline("beats_baseline", ours[:12], {"rate": theirs["rate"][:12]}, np.arange(12))
    assert again.observed == pytest.approx(alone.observed, abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_probabilities_dealt_out_of_others_keep_the_order(p: list[float], reference: list[float]) -> None:
    dealt = onto(np.array(p), np.array(reference))
    assert min(reference) <= dealt.min() <= dealt.max() <= max(reference)
    order = np.argsort(p, kind="stable")
    assert (np.diff(dealt[order]) >= -1e-12).all()
    for a, b in itertools.pairwise(order):
        if p[a] == p[b]:
            assert dealt[a] == dealt[b]


def test_probabilities_dealt_out_of_others_have_their_shares() -> None:
    rng = np.random.default_rng(6)
    p, reference = rng.random(1_000), rng.beta(1, 5, 400)
    for bound in (0.1, 0.3, 0.6):
        assert (onto(p, reference) > bound).mean() == pytest.approx((reference > bound).mean(), abs=0.005)


def test_intervals_hold_the_value_and_a_better_score_is_told_from_a_worse_one() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(800)
    y = (rng.random(800) < p).astype(float)
    for found in measure(y, p).values():
        assert found.low <= found.high
    assert measure(y, p)["auc"].low < 5 / 6 < measure(y, p)["auc"].high  # of uniform p: 1/2 + 1/3
    noise = rng.random(800)
    difference, error = paired_difference(auc, y, p, noise)
    assert difference > 3 * error > 0
    assert paired_difference(auc, y, p, p) == (0.0, 0.0)
    assert not gates.not_worse("one", losses(y, noise), losses(y, p), "the truth", np.arange(800)).passed
    assert gates.not_worse("one", losses(y, p), losses(y, noise), "noise", np.arange(800)).passed


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
    rng = np.random.default_rng(8)

    def ranked(size: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
        y = (rng.random(size) < 0.4).astype(float)
        return y, y + rng.normal(0, spread, size)

    assert not gates.stable_ranking(ranked(5_000, 0.8), ranked(5_000, 2.0)).passed
    assert gates.stable_ranking(ranked(5_000, 0.8), ranked(5_000, 0.85)).passed
    few = ranked(30, 0.8)
    assert gates.stable_ranking(few, (few[0], few[1] * 0.9)).passed
    assert not gates.stable_scores(np.arange(100.0), np.arange(100.0) + 60).passed
