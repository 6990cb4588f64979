"""Churn: estimators that add up exactly, training on planted truth, clear verdicts on bad input, reasons."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.estimator_checks import check_estimator

from models_ml.churn.reasons import by_theme, reasons
from models_ml.churn.score import SCORE
from models_ml.common import artefact, samples
from models_ml.common.additive import Additive, AdditiveBoosting, RankLogistic
from models_ml.common.baselines import ObservedRates
from models_ml.common.binning import QuantileBins
from models_ml.common.calibration import expit, logit
from models_ml.common.declare import Learning
from models_ml.common.fitted import Fitted, season_forecast
from models_ml.common.samples import Cutoff, Samples
from models_ml.common.train import Training
from models_ml.common.train import train as train_on

HORIZON, AS_OF = 30, dt.date(2024, 12, 31)
assert SCORE.learning is not None
LEARNING: Learning = SCORE.learning
ESTIMATORS = [ObservedRates(), RankLogistic(), AdditiveBoosting(rounds=60)]


def samples_of(features: pd.DataFrame, labels: pd.DataFrame, cutoffs: pd.DataFrame) -> Samples:
    """As the score reads its tables."""
    return samples.samples_of(features, cutoffs, LEARNING.target, labels)


def train(found: Samples) -> Training:
    """As the score is learned."""
    return train_on(found, LEARNING)


def world(customers: int = 2_000, seed: int = 2, days: int = 400) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Features, labels and cut-offs of customers who buy at rates of their own, and may leave for good."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.5, 0.06, customers)
    leaves = rng.exponential(500, customers)
    bought = rng.random((customers, days)) < rate[:, None] * (np.arange(days) < leaves[:, None])
    bought[:, 0] = True  # everybody is known from the first day on
    features, labels, cutoffs = [], [], []
    for number in [0, *range(2, 13)]:
        cut = days - 1 - number * HORIZON // 2
        past = bought[:, : cut + 1]
        last = cut - np.argmax(past[:, ::-1], axis=1)
        recent = past[:, -HORIZON:].sum(axis=1)
        longer = past[:, -4 * HORIZON :].sum(axis=1)
        recency = np.minimum(cut - last, 4 * HORIZON)
        gap = 4 * HORIZON / (longer + 1)
        features.append(
            pd.DataFrame(
                {
                    "cutoff_no": number, "customer_key": np.arange(customers), "recency_days": recency,
                    "purchase_days_1h": recent, "purchase_days_4h": longer, "expected_gap_days": gap,
                    "gaps_overdue": recency / gap, "noise": rng.random(customers),
                }
            )
        )  # fmt: skip
        if number >= 2:
            ahead = bought[:, cut + 1 : cut + 1 + HORIZON].any(axis=1)
            labels.append(
                pd.DataFrame(
                    {"cutoff_no": number, "customer_key": np.arange(customers), "churned": (~ahead).astype(int)}
                )
            )
        cutoffs.append(
            {"cutoff_no": number, "cut_off": pd.Timestamp(AS_OF) - pd.Timedelta(days=number * HORIZON // 2),
             "horizon_days": HORIZON, "is_labelled": number >= 2, "season": None, "season_year_ago": None}
        )  # fmt: skip
    return pd.concat(features), pd.concat(labels), pd.DataFrame(cutoffs)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_contributions_add_up_to_the_log_odds(estimator: Additive) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 4))
    x[rng.random(400) < 0.2, 1] = np.nan
    y = (rng.random(400) < expit(x[:, 0])).astype(int)
    estimator.fit(x, y)
    again = rng.normal(size=(50, 4)) * 3
    again[0] = np.nan
    total = estimator.base_ + estimator.contributions(again).sum(axis=1)
    assert np.abs(total - logit(estimator.predict_proba(again)[:, 1])).max() < 1e-9
    assert np.abs(estimator.contributions(x).mean(axis=0)).max() < 1e-9  # relative to the mean customer


def test_boostings_tables_are_its_trees() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, 3))
    y = (rng.random(500) < expit(2 * np.abs(x[:, 0]) - 1)).astype(int)
    ours = AdditiveBoosting(rounds=50).fit(x, y)
    binned = QuantileBins().fit(x).transform(x)
    trees = HistGradientBoostingClassifier(
        max_iter=50, learning_rate=0.06, max_leaf_nodes=4, min_samples_leaf=40, l2_regularization=5.0,
        early_stopping=False, interaction_cst="no_interactions", random_state=0,
    ).fit(binned, y)  # fmt: skip
    assert ours.decision_function(x) == pytest.approx(trees.decision_function(binned), abs=1e-9)


def test_rates_of_recency_by_hand() -> None:
    x = np.repeat([5.0, 50.0], 40)[:, None]
    y = np.r_[np.repeat([1, 0], [10, 30]), np.repeat([1, 0], [30, 10])]
    rule = ObservedRates().fit(x, y)
    assert rule.predict_proba(np.array([[5.0], [50.0], [500.0]]))[:, 1] == pytest.approx(
        [10.5 / 41, 30.5 / 41, 30.5 / 41]
    )


@pytest.mark.parametrize("estimator", [QuantileBins(), RankLogistic(), AdditiveBoosting(rounds=20)],
                         ids=lambda e: type(e).__name__)  # fmt: skip
def test_estimators_keep_scikit_learns_conventions(estimator: object) -> None:
    check_estimator(estimator)


@pytest.fixture(scope="module")
def trained() -> tuple[object, object]:
    samples = samples_of(*world())
    return samples, train(samples)


def test_a_planted_hazard_is_found_and_passes(trained: tuple[object, object]) -> None:
    _, training = trained
    assert training.status == "passed", training.verdict
    metrics = training.metrics[training.champion]
    assert metrics["auc"].value > training.metrics["recency rule"]["auc"].value
    assert metrics["auc"].value > 0.75
    assert [gate.name for gate in training.gates][:3] == ["beats_baseline", "calibrated", "beats_baseline_buying"]


def test_training_twice_gives_the_same(trained: tuple[object, object]) -> None:
    samples, training = trained
    again = train(samples_of(*[frame.sample(frac=1, random_state=5) for frame in world()]))
    rows = samples.cutoff == 0
    assert again.model.predict(samples.of(again.model.names, rows)) == pytest.approx(
        training.model.predict(samples.of(training.model.names, rows)), abs=1e-12
    )


def test_the_reporting_window_is_not_learned_from() -> None:
    """Other labels there change the report, and not what was learned for it."""
    features, labels, cutoffs = world()
    shuffled = labels.copy()
    at = shuffled["cutoff_no"] == 2
    shuffled.loc[at, "churned"] = 1 - shuffled.loc[at, "churned"]
    one, two = train(samples_of(features, labels, cutoffs)), train(samples_of(features, shuffled, cutoffs))
    for kind in ("boosting", "logistic regression", "recency rule"):
        assert one.report[kind] == pytest.approx(two.report[kind], abs=1e-12)
    assert two.status == "refused"


def test_a_feature_that_knows_the_outcome_is_refused() -> None:
    features, labels, cutoffs = world()
    leaking = features.merge(labels, how="left").rename(columns={"churned": "leak"})
    training = train(samples_of(leaking, labels, cutoffs))
    assert training.status == "refused"
    assert "know the future" in training.verdict


def test_a_broken_feature_fails_a_gate() -> None:
    """At as_of a feature holds something else than where the model learned."""
    features, labels, cutoffs = world()
    broken = features.copy()
    at = broken["cutoff_no"] == 0
    broken.loc[at, ["recency_days", "purchase_days_1h", "purchase_days_4h", "gaps_overdue"]] = [120, 0, 0, 9]
    training = train(samples_of(broken, labels, cutoffs))
    assert training.status == "refused"
    assert "stability" in training.verdict or "different" in training.verdict


def off(labels: pd.DataFrame, at: int = 2, share: float = 0.4) -> pd.DataFrame:
    """The labels of a window in which a share of those who would have bought stayed away, whoever they are."""
    found = labels.copy()
    stays = (found["cutoff_no"] == at) & (np.random.default_rng(9).random(len(found)) < share)
    found.loc[stays, "churned"] = 1
    return found


def test_probabilities_that_are_off_in_a_good_order_are_provisional() -> None:
    features, labels, cutoffs = world()
    training = train(samples_of(features, off(labels), cutoffs))
    assert training.status == "provisional", training.verdict
    failed = {gate.name for gate in training.gates if not gate.passed}
    assert failed <= {"calibrated", "calibrated_buying", "stable_ranking"}
    assert "calibrated" in failed
    assert "provisional" in training.verdict


def test_what_is_no_better_than_the_recency_rule_is_refused() -> None:
    """Nothing tells who stays."""
    features, labels, cutoffs = world()
    rng = np.random.default_rng(11)
    training = train(samples_of(features, labels.assign(churned=(rng.random(len(labels)) < 0.4).astype(int)), cutoffs))
    assert training.status == "refused", training.verdict
    assert "recency rule" in training.verdict


# bad input ----------------------------------------------------------------------------------------


def test_thirty_customers_are_too_few() -> None:
    training = train(samples_of(*world(30)))
    assert training.model is None
    assert training.baseline is not None
    assert "not enough data to train" in training.verdict
    assert "observed rates used" in training.verdict


def test_one_class_only() -> None:
    features, labels, cutoffs = world()
    training = train(samples_of(features, labels.assign(churned=1), cutoffs))
    assert training.model is None
    assert training.baseline is None  # a rate of one is no observation of a risk
    assert "nothing is published" in training.verdict


def test_all_customers_are_new() -> None:
    features, labels, cutoffs = world()
    now = cutoffs[cutoffs["cutoff_no"] == 0]
    training = train(samples_of(features[features["cutoff_no"] == 0], labels.head(0), now))
    assert training.model is None
    assert "no window after a cut-off is over yet" in training.verdict


def test_constant_features_leave_only_rates() -> None:
    features, labels, cutoffs = world()
    for name in features.columns.difference(["cutoff_no", "customer_key"]):
        features[name] = 1
    training = train(samples_of(features, labels, cutoffs))
    assert training.model is None
    assert "no feature has more than one value" in training.verdict


def test_infinite_values_count_as_missing_and_one_huge_customer_changes_nothing() -> None:
    features, labels, cutoffs = world()
    features["noise"] = features["noise"].where(features["customer_key"] != 5, np.inf)
    features["purchase_days_4h"] = features["purchase_days_4h"].where(features["customer_key"] != 7, 50_000)
    training = train(samples_of(features, labels, cutoffs))
    assert training.status == "passed", training.verdict
    assert any("infinite values of noise" in note for note in training.notes)


# season, artefacts, reasons -----------------------------------------------------------------------


def test_the_season_is_last_years_moved_by_half_of_the_last_error() -> None:
    day = AS_OF
    cutoffs = {
        0: Cutoff(0, day, False, None, 0.4),
        2: Cutoff(2, day, True, 0.3, 0.1),
        4: Cutoff(4, day, True, 0.9, 0.0),
    }
    assert season_forecast(cutoffs, 0) == pytest.approx(0.4 + (0.3 - 0.1) / 2)
    assert season_forecast(cutoffs, 2) == pytest.approx(0.1 + 0.9 / 2)  # its own window was not over then
    assert season_forecast({0: Cutoff(0, day, False, None, None)}, 0) is None


def test_artefacts_come_back_equal_and_foreign_types_do_not_come_back(trained: tuple[object, object]) -> None:
    samples, training = trained
    x = samples.of(training.model.names, samples.cutoff == 0)
    for estimator in ESTIMATORS:
        model = Fitted(
            "any", "binary", estimator.fit(x[:, :3], (x[:, 0] > 20).astype(int)), ["a", "b", "c"], season=0.1
        )
        again = artefact.load(artefact.dump(model))
        assert again.predict(x[:, :3], 0.3) == pytest.approx(model.predict(x[:, :3], 0.3), abs=0)
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException):
        artefact.load(skops.io.dumps(pickle.Pickler))


def test_themes_add_up_and_reasons_are_what_raises_the_risk(trained: tuple[object, object]) -> None:
    samples, training = trained
    rows = samples.cutoff == 0
    model = training.model
    _, terms = by_theme(model, samples.of(model.names, rows))
    total = model.contributions(samples.of(model.names, rows)).sum(axis=1)
    assert terms.sum(axis=1) == pytest.approx(total, abs=1e-9)
    told = reasons(model, samples, 0)
    assert len(told) == rows.sum()
    quiet = (terms <= 0).all(axis=1)
    assert told.loc[quiet, "reason_1"].isna().all()
    assert told.loc[~quiet, "reason_1"].notna().all()
    assert (told["share_1"] >= told["share_2"]).all()
    assert (told["share_2"] >= told["share_3"]).all()
    absent = told[(samples.column("recency_days")[rows] == 4 * HORIZON)]
    assert absent[["reason_1", "reason_2", "reason_3"]].apply(
        lambda row: row.astype(str).str.contains("No purchase for more than 120 days|Bought on 0 days").any(), axis=1
    ).all()  # fmt: skip
