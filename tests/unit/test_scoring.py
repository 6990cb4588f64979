"""The scoring step on feature tables: what is remembered, what is shown, what happens when a gate fails."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models_ml.churn.train import train
from models_ml.common import artefact
from orchestration.config.company import Company, CompanyConfig
from orchestration.landing.lake import Lake
from orchestration.platform.paths import CompanyPaths
from orchestration.scoring.memory import KEEP_DAYS, ModelRun, read_runs
from orchestration.scoring.run import TABLES, Scored, Step, against
from tests.unit.test_churn_model import AS_OF, off, samples_of, world

DAY = dt.timedelta(days=1)


class Scoring:
    """A company of nothing but features, scored day after day."""

    def __init__(self, root: Path, customers: int = 2_000) -> None:
        self.root, self.lake = root, Lake(root / "lake")
        company = Company(name="planted", title="Planted", currency="EUR", timezone="UTC")
        self.config = CompanyConfig.model_construct(folder=root, company=company, sources={}, contracts={})
        self.features, self.labels, self.cutoffs = world(customers)
        self.now = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
        self.con = duckdb.connect()
        self.con.execute("create schema features")

    def run(self, as_of: dt.date = AS_OF, features: pd.DataFrame | None = None, **options: Any) -> Scored:
        """Score; a day has passed since the last time."""
        self.now += DAY
        shown = self.features if features is None else features
        customers = shown["customer_key"].unique()
        moved = pd.Timestamp(as_of) - pd.Timestamp(AS_OF)
        tables = {
            "feat_rhythm": pd.DataFrame({"as_of": [as_of]}),
            "feat_customer_cutoff": shown,
            "feat_churn_label": self.labels,
            "feat_cutoff": self.cutoffs.assign(
                cut_off=self.cutoffs["cut_off"] + moved, season=float("nan"), season_year_ago=float("nan")
            ),
            "feat_customer_value": pd.DataFrame(
                {"customer_key": customers, "net_margin_12m": customers % 97 * 1.0, "is_margin_known": True,
                 "margin_ever": customers % 97 * 2.0, "spend_12m": customers % 89 * 1.0, "spend_half_year": 5.0,
                 "spend_half_year_before": 5.0, "purchase_days": customers % 13 + 1, "tenure_days": 300}
                | dict.fromkeys(("gap_variation", "main_store_share", "points_balance", "responses_12m",
                                 "on_time_share", "days_late", "bad_debt_share", "credit_score", "categories"),
                                float("nan"))
            ),
        }  # fmt: skip
        for name, frame in tables.items():
            self.con.register("frame", frame)
            self.con.execute(f"create or replace table features.{name} as select * from frame")
            self.con.unregister("frame")
        paths = CompanyPaths(self.root)
        run_id = self.now.strftime("%Y%m%dT%H%M%S")
        return Step(self.con, self.config, self.lake, paths, as_of, run_id, self.now, **options).run()

    def one(self, sql: str) -> Any:
        """The first value of a query."""
        found = self.con.execute(sql).fetchone()
        return found[0] if found else None

    def loads(self, table: str) -> int:
        """How many loads the lake holds of one of the product's own tables."""
        return len(self.lake.loads("_regulars", table))


@pytest.fixture
def scoring(tmp_path: Path) -> Scoring:
    return Scoring(tmp_path)


def churn_of(scored: Scored) -> dict[str, Any]:
    return next(model for model in scored.models if model["model"] == "churn")


def broken(features: pd.DataFrame) -> pd.DataFrame:
    """The newest features, after a fault in the source made everybody look gone."""
    found = features.copy()
    now = found["cutoff_no"] == 0
    found.loc[now, ["recency_days", "purchase_days_1h", "purchase_days_4h", "gaps_overdue"]] = [120, 0, 0, 9]
    return found


def test_a_model_that_passes_scores_everybody(scoring: Scoring) -> None:
    scored = scoring.run()
    assert churn_of(scored)["status"] == "passed"
    assert all(gate.passed for gate in scored.gates)
    assert scored.rows["churn"] == scored.rows["value"] == 2_000
    assert scoring.one("select count(*) from scores.model_run where model = 'churn' and is_current") == 1
    assert scoring.one("select bool_and(is_fresh) from scores.churn")
    assert (scoring.root / "models" / "churn" / "plotly.min.js").stat().st_size > 1_000_000
    card = next((scoring.root / "models" / "churn").glob("*.html")).read_text()
    assert "passed every gate" in card
    assert "http://" not in card.replace("http://www.w3.org", "")


def test_scoring_the_same_again_adds_nothing(scoring: Scoring) -> None:
    scoring.run()
    tables = ("model_run", "churn_score", "value_score")
    before = [scoring.loads(table) for table in tables]
    probabilities = scoring.con.execute(
        "select customer_key, churn_probability from scores.churn order by 1"
    ).fetchall()
    assert before == [1, 1, 1]
    scoring.run()
    scoring.run(retrain=True)
    assert [scoring.loads(table) for table in tables] == before
    again = scoring.con.execute("select customer_key, churn_probability from scores.churn order by 1").fetchall()
    assert again == probabilities


def test_a_broken_feature_keeps_the_last_good_scores_and_says_so(scoring: Scoring) -> None:
    scoring.run()
    good = scoring.con.execute("select customer_key, churn_probability from scores.churn order by 1").fetchall()
    for retrain in (False, True):
        scored = scoring.run(AS_OF + DAY, broken(scoring.features), retrain=retrain)
        assert churn_of(scored)["status"] == "stale"
        assert "stability index" in churn_of(scored)["message"]
        assert churn_of(scored)["scores_as_of"] == AS_OF
        assert not all(gate.passed for gate in scored.gates)
        kept = scoring.con.execute("select customer_key, churn_probability from scores.churn order by 1").fetchall()
        assert kept == good
        assert scoring.one("select bool_or(is_fresh) from scores.churn") is False
    mended = scoring.run(AS_OF + 2 * DAY)
    assert churn_of(mended)["scores_as_of"] == AS_OF + 2 * DAY
    assert scoring.one("select bool_and(is_fresh) from scores.churn")
    assert scoring.one("select count(*) from scores.churn where probability_before is null") == 0


def test_a_challenger_is_held_against_the_champion_on_a_window_that_neither_learned_from() -> None:
    samples = samples_of(*world())
    training = train(samples)
    report = samples.cutoffs[training.cutoffs[0]].day
    champion = ModelRun(
        "churn", "old", report, dt.datetime(2024, 1, 1), "passed", "", "", {}, artefact.dump(training.baseline)
    )
    better = against(training, samples, champion)
    assert better is not None
    assert (better.name, better.passed) == ("not_worse_champion", True)
    # The same probabilities dealt to other customers: no worse on average, and useless.
    dealt = np.random.default_rng(7).permutation(training.report[training.champion])
    training.report[training.champion] = dealt
    worse = against(training, samples, champion)
    assert worse is not None
    assert not worse.passed
    assert "the champion" in worse.message
    # A champion that has seen the window's outcome is no measure on it.
    assert against(training, samples, replace(champion, as_of=report + DAY)) is None


def test_after_two_weeks_observed_rates_take_the_place_of_scores_that_cannot_be_renewed(scoring: Scoring) -> None:
    scoring.run()
    scored = scoring.run(AS_OF + 14 * DAY, broken(scoring.features))
    assert churn_of(scored)["status"] == "stale"
    scored = scoring.run(AS_OF + 15 * DAY, broken(scoring.features))
    assert churn_of(scored)["status"] == "baseline"
    assert scoring.one("select distinct as_of from scores.churn") == AS_OF + 15 * DAY


def test_who_came_after_the_last_good_scores_has_observed_rates(scoring: Scoring) -> None:
    scoring.run()
    more = broken(scoring.features)
    newcomer = more[(more["cutoff_no"] == 0) & (more["customer_key"] == 1)].assign(customer_key=9_999, recency_days=3)
    scored = scoring.run(AS_OF + DAY, pd.concat([more, newcomer]))
    assert churn_of(scored)["status"] == "stale"
    assert scoring.one("select count(*) from scores.churn") == 2_001
    found = scoring.con.execute("select model_version, is_fresh from scores.churn where customer_key = 9999").fetchone()
    assert found == (f"baseline-{AS_OF + DAY:%Y%m%d}", True)


def test_a_provisional_model_gives_its_order_and_the_shares_of_observed_rates(tmp_path: Path) -> None:
    scoring = Scoring(tmp_path)
    scoring.labels = off(scoring.labels)
    scored = scoring.run()
    assert churn_of(scored)["status"] == "provisional", churn_of(scored)
    assert scoring.one("select bool_and(model_version like 'provisional-%') from scores.churn")
    samples = samples_of(scoring.features, scoring.labels, scoring.cutoffs)
    now = samples.cutoff == 0
    training = train(samples)
    rates = training.baseline.probability(samples.of(training.baseline.names, now))
    order = training.model.log_odds(samples.of(training.model.names, now))
    shown = scoring.con.execute("select churn_probability from scores.churn order by customer_key").fetchnumpy()
    p = shown["churn_probability"]
    for bound in (0.3, 0.6):
        assert (p > bound).mean() == pytest.approx((rates > bound).mean(), abs=0.01)
    assert (np.diff(p[np.argsort(order)]) >= -1e-6).all()
    assert scoring.one("select status from scores.model_run where model = 'churn' and is_current") == "provisional"
    # A model that passes takes its place, and a later provisional one does not take that one's.
    scoring.labels = world()[1]
    assert churn_of(scoring.run(AS_OF + 28 * DAY))["status"] == "passed"
    assert scoring.one("select bool_or(model_version like 'provisional-%') from scores.churn") is False
    scoring.labels = off(scoring.labels)
    scoring.run(AS_OF + 56 * DAY)
    assert scoring.one("select bool_or(model_version like 'provisional-%') from scores.churn") is False


def test_a_refused_model_is_trained_again_when_another_window_is_over(scoring: Scoring) -> None:
    scoring.labels = off(scoring.labels, share=1.0)  # at the reporting cut-off nobody buys: too few of a class
    scoring.run()
    assert scoring.loads("model_run") == 1
    scoring.labels = scoring.labels.assign(churned=np.random.default_rng(3).permutation(scoring.labels["churned"]))
    scoring.run(AS_OF + DAY)
    assert scoring.loads("model_run") == 2  # data were lacking
    assert (
        scoring.one("select status from scores.model_run where model = 'churn' order by trained_at desc") == "refused"
    )
    scoring.run(AS_OF + 2 * DAY)
    assert scoring.loads("model_run") == 2
    scoring.run(AS_OF + 16 * DAY)
    assert scoring.loads("model_run") == 3  # half a horizon later


def test_before_any_model_passed_observed_rates_are_shown(tmp_path: Path) -> None:
    scoring = Scoring(tmp_path, customers=40)
    scored = scoring.run()
    assert churn_of(scored)["status"] == "baseline"
    assert "not enough data to train" in churn_of(scored)["message"]
    assert scoring.one("select distinct model_version from scores.churn") == f"baseline-{AS_OF:%Y%m%d}"
    assert scoring.one("select count(*) from scores.churn") == 40


def test_a_day_later_the_model_scores_without_training(scoring: Scoring) -> None:
    scoring.run()
    scoring.run(AS_OF + DAY)
    assert scoring.loads("model_run") == 1
    scoring.run(AS_OF + 28 * DAY)
    assert scoring.loads("model_run") == 2  # retrain_after_days


def test_score_runs_are_kept_daily_then_by_month_end(tmp_path: Path) -> None:
    scoring = Scoring(tmp_path, customers=40)
    first = dt.date(2025, 1, 30)
    for day in (first, first + DAY, first + 2 * DAY, first + (KEEP_DAYS + 2) * DAY):
        scoring.run(day)
    kept = scoring.con.execute(
        "select distinct as_of from read_parquet($files) order by 1", {"files": scoring.lake.remembered("churn_score")}
    ).fetchall()
    # 30 January is older than 35 days and no month's last; 31 January is; 1 February is just 35 days old
    assert [row[0] for row in kept] == [dt.date(2025, 1, 31), dt.date(2025, 2, 1), first + (KEEP_DAYS + 2) * DAY]


def test_a_build_as_of_a_past_day_remembers_nothing_and_knows_no_later_run(scoring: Scoring) -> None:
    scoring.run()
    early = AS_OF - 10 * DAY
    scored = scoring.run(early, keep=False)
    assert [scoring.loads(table) for table in ("model_run", "churn_score", "value_score")] == [1, 1, 1]
    assert churn_of(scored)["scores_as_of"] == early
    assert scoring.one("select max(as_of) from scores.churn") == early
    assert read_runs(scoring.lake, "churn", early) == []


def test_nobody_has_bought_yet(tmp_path: Path) -> None:
    scoring = Scoring(tmp_path, customers=40)
    scoring.run()
    scoring.con.execute("delete from features.feat_rhythm")
    step = Step(
        scoring.con, scoring.config, scoring.lake, CompanyPaths(tmp_path), AS_OF, "later", scoring.now, keep=False
    )
    scored = step.run()
    assert {model["status"] for model in scored.models} == {"not_enough_data"}
    assert scored.rows == dict.fromkeys(TABLES, 0) | {"model_run": 2}


def test_a_reason_that_nobody_had_in_the_first_run_is_text_all_the_same(scoring: Scoring) -> None:
    """A column without a value has no type in its file; the first file's types must not rule the others'."""
    for load_id, reason in (("L1", None), ("L2", "longest gap 57 days")):
        rows = pa.Table.from_pandas(pd.DataFrame({"customer_key": [1], "reason_2": [reason]}), preserve_index=False)
        scoring.lake.remember("churn_score", rows, load_id, scoring.now)
    step = Step(scoring.con, scoring.config, scoring.lake, CompanyPaths(scoring.root), AS_OF, "later", scoring.now)
    step.gather("churn_score", "customer_key bigint, reason_2 varchar", None)
    found = scoring.con.execute("select reason_2 from gathered order by 1 nulls first").fetchall()
    assert found == [(None,), ("longest gap 57 days",)]
