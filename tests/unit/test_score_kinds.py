"""One training serves binary, multiclass, count and amount targets; exposure, weight and clusters count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models_ml.common import artefact
from models_ml.common.baselines import ObservedMeans, ObservedShares
from models_ml.common.declare import Estimator, Label, Later, Learning
from models_ml.common.fitted import fit, predict
from models_ml.common.replay import as_known_at, origin
from models_ml.common.samples import Samples, samples_of
from models_ml.common.train import train

AS_OF, HORIZON, PEOPLE = dt.date(2025, 1, 31), 28, 600
TREES = Estimator(
    "sklearn.ensemble:HistGradientBoostingRegressor", options={"loss": "poisson", "max_iter": 30, "random_state": 0}
)
CLASSIFIER = Estimator("sklearn.ensemble:HistGradientBoostingClassifier", options={"max_iter": 30, "random_state": 0})
GATES = ("beats_baseline", "right_total", "right_fifths", "covered", "plausible", "complete", "stable_scores")


def learning(kind: str, **changes: object) -> Learning:
    """A declaration of the kind."""
    rule = Estimator("models_ml.common.baselines:ObservedMeans", features=("noise",))
    made = Learning(
        kind=kind, population="p", cutoffs="c", target=Label("l", "target"), candidates={"trees": TREES},  # type: ignore[arg-type]
        baselines={"mean": rule}, gates=GATES,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def world(kind: str, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Population, cut-offs and labels of people with a level of their own, that one feature tells."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(2, 1.5, PEOPLE)
    population, labels, cutoffs = [], [], []
    for number in [0, *range(2, 9)]:
        rows = pd.DataFrame({"cutoff_no": number, "customer_key": np.arange(PEOPLE)})
        told = level * rng.uniform(0.8, 1.25, PEOPLE)
        bought = rng.poisson(level).astype(float)
        population.append(rows.assign(told=told, bought=bought, noise=rng.random(PEOPLE)))
        if kind == "count":
            target = rng.poisson(level).astype(float)
        elif kind == "amount":
            target = rng.poisson(level) * rng.gamma(4, 5, PEOPLE)
        else:
            target = np.minimum(rng.poisson(level), 2).astype(float)
        if number >= 2:
            labels.append(rows.assign(target=target))
        day = pd.Timestamp(AS_OF) - pd.Timedelta(days=number * HORIZON // 2)
        cutoffs.append({"cutoff_no": number, "cut_off": day, "horizon_days": HORIZON, "is_labelled": number >= 2,
                        "season": None, "season_year_ago": None})  # fmt: skip
    return pd.concat(population), pd.DataFrame(cutoffs), pd.concat(labels)


def samples(kind: str) -> Samples:
    population, cutoffs, labels = world(kind)
    return samples_of(population, cutoffs, Label("l", "target"), labels)


@pytest.mark.parametrize("kind", ["count", "amount"])
def test_counts_and_amounts_are_learned_and_pass(kind: str) -> None:
    found = samples(kind)
    training = train(found, learning(kind))
    assert training.status == "passed", training.verdict
    assert [gate.name for gate in training.gates] == list(GATES)
    told, rule = training.metrics["trees"], training.metrics["mean"]
    assert told["deviance"].high < rule["deviance"].low
    assert abs(told["total_error"].value) < 0.1
    assert training.model is not None
    again = artefact.load(artefact.dump(training.model))
    assert predict(again, found, 0) == pytest.approx(predict(training.model, found, 0), abs=0)


def test_classes_are_learned_and_add_to_one() -> None:
    found = samples("multiclass")
    declared = learning(
        "multiclass", candidates={"trees": CLASSIFIER}, classes=("none", "one", "more"),
        baselines={"shares": Estimator("models_ml.common.baselines:ObservedShares", features=("noise",))},
        gates=("beats_baseline", "calibrated", "plausible", "complete", "stable_scores"),
    )  # fmt: skip
    training = train(found, declared)
    assert training.status in ("passed", "provisional"), training.verdict
    assert {gate.name for gate in training.gates if not gate.passed} <= {"calibrated"}
    assert training.model is not None
    p = predict(training.model, found, 0)
    assert p.shape == (PEOPLE, 3)
    assert p.sum(axis=1) == pytest.approx(np.ones(PEOPLE))


def test_what_no_feature_tells_is_refused() -> None:
    population, cutoffs, labels = world("count")
    mixed = labels.assign(target=np.random.default_rng(1).permutation(labels["target"]))
    training = train(samples_of(population, cutoffs, Label("l", "target"), mixed), learning("count"))
    assert training.status == "refused"
    assert "deviance worse than mean" in training.verdict


def test_a_feature_that_knows_the_outcome_is_refused() -> None:
    population, cutoffs, labels = world("count")
    leak = population.merge(labels, how="left").rename(columns={"target": "leak"}).fillna({"leak": 1.0})
    many = replace(TREES, options={"loss": "poisson", "max_iter": 300, "min_samples_leaf": 2, "random_state": 0})
    training = train(
        samples_of(leak, cutoffs, Label("l", "target"), labels), learning("count", candidates={"all": many})
    )
    assert training.status == "refused"
    assert "know the future" in " ".join(gate.message for gate in training.gates if not gate.passed)


def test_amounts_below_zero_are_said_and_not_learned() -> None:
    population, cutoffs, labels = world("amount")
    training = train(
        samples_of(population, cutoffs, Label("l", "target"), labels.assign(target=-1.0)), learning("amount")
    )
    assert training.status == "not_enough_data"


def test_the_target_may_be_a_feature_one_horizon_later() -> None:
    population, cutoffs, _ = world("count")
    found = samples_of(population, cutoffs, Later("bought"))
    bought = {(no, who): value for no, who, value in population[["cutoff_no", "customer_key", "bought"]].to_numpy()}
    for no, who, y in zip(found.cutoff, found.customer, found.y, strict=True):
        assert np.isnan(y) if (no - 2, who) not in bought or no < 2 else y == bought[no - 2, who]
    assert found.is_known.sum() == PEOPLE * 6  # cut-offs 2, 4 … 8; nobody was looked at on cut-off 1


def test_exposure_and_weight_count() -> None:
    """Half a window seen: half the count, the same rate. A row of weight two is two rows."""
    population, cutoffs, labels = world("count")
    half = labels.assign(exposure=np.where(labels["customer_key"] % 2, 0.5, 1.0))
    half["target"] *= half["exposure"]
    declared = learning("count")
    rates = [
        predict(fit("mean", declared, found, found.is_known), found, 0).mean()
        for found in (
            samples_of(population, cutoffs, Label("l", "target"), labels),
            samples_of(population, cutoffs, Label("l", "target"), half),
        )
    ]
    assert rates[1] == pytest.approx(rates[0], rel=0.02)
    heavy = samples_of(population, cutoffs, Label("l", "target"), labels.assign(weight=2.0))
    assert heavy.weight[heavy.is_known].tolist() == [2.0] * int(heavy.is_known.sum())
    assert predict(fit("mean", declared, heavy, heavy.is_known), heavy, 0).mean() == pytest.approx(rates[0], rel=0.01)


def test_a_unit_may_be_finer_than_the_customer_who_is_the_cluster() -> None:
    population, cutoffs, labels = world("count")
    keys = population["customer_key"]
    population = population.assign(product_key=keys, customer_key=keys // 10)
    labels = labels.assign(product_key=labels["customer_key"], customer_key=labels["customer_key"] // 10)
    found = samples_of(population, cutoffs, Label("l", "target"), labels, ("customer_key", "product_key"))
    assert set(found.units) == {"customer_key", "product_key"}
    assert len(np.unique(found.customer)) == PEOPLE / 10
    assert "customer_key" not in found.names


def test_observed_means_and_shares_by_hand() -> None:
    """Two levels of the feature, forty rows each; half a row of the overall mean, half a row of each class."""
    x = np.repeat([5.0, 50.0], 40)[:, None]
    y = np.r_[np.repeat([0.0, 4.0], 20), np.repeat([4.0, 8.0], 20)]
    told = ObservedMeans().fit(x, y).predict(np.array([[5.0], [50.0], [np.nan]]))
    assert told[:2] == pytest.approx([(80 + 2) / 40.5, (240 + 2) / 40.5])
    assert np.isfinite(told).all()
    classes = ObservedShares().fit(x, y)
    assert classes.predict_proba(np.array([[5.0]]))[0] == pytest.approx([20.5 / 41.5, 20.5 / 41.5, 0.5 / 41.5])
    assert classes.predict(np.array([[50.0]])).tolist() in ([4.0], [8.0])


def test_an_earlier_day_knows_neither_later_rows_nor_outcomes() -> None:
    found = samples("count")
    early = as_known_at(found, 3)
    assert early.cutoff.min() == 0
    assert early.cutoffs[0].day == found.cutoffs[3].day
    assert not early.is_known[early.cutoff < 2].any()
    assert early.is_known[early.cutoff == 2].all()
    assert [no for no, cutoff in sorted(early.cutoffs.items()) if cutoff.is_labelled] == [2, 3, 4, 5]
    # What comes after the day moves nothing of what is learned on it.
    other = replace(
        found, y=np.where(found.cutoff <= 4, 99.0, found.y), x=np.where(found.cutoff[:, None] < 3, 9, found.x)
    )
    one, two = (train(as_known_at(each, 3), learning("count"), is_measured=False) for each in (found, other))
    assert [gate.row() for gate in one.gates] == [gate.row() for gate in two.gates]


def test_an_origin_shows_the_better_of_model_and_baseline() -> None:
    seen = origin(samples("count"), learning("count"), 2)
    assert seen is not None
    assert (seen.shown, seen.status, seen.units) == ("model", "passed", PEOPLE)
    assert seen.loss < seen.baseline_loss
    assert seen.is_the_better_shown
    assert origin(samples("count"), learning("count"), 7) is None  # nothing was over by then
