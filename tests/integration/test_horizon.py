"""The model in use keeps its horizon: features are built with it again where another one was tried in vain."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pytest

from models_ml.churn.score import SCORE
from models_ml.common import artefact
from models_ml.common.fitted import Fitted
from orchestration.config.company import load_company
from orchestration.landing.lake import OWN
from orchestration.run.refresh import open_session
from orchestration.scoring.history import MODEL_RUN, ModelRun, read_runs, remember_run
from orchestration.scoring.registry import code_of
from tests.integration.conftest import Copier

pytestmark = pytest.mark.slow
KEPT = 9  # days; no rhythm of whole weeks


def test_features_are_built_again_with_the_horizon_of_the_model_in_use(
    copy: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop's rhythm asks for another horizon; forty customers are too few for a challenger to pass with it."""
    shop = copy()
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)
    config = load_company("shop")
    with duckdb.connect(str(shop.state / "warehouse.duckdb"), read_only=True) as con:
        [(rhythm, as_of)] = con.execute("select horizon_days, as_of from features.feat_rhythm").fetchall()
        names = [row[0] for row in con.execute("describe features.feat_customer_cutoff").fetchall()][2:]
    assert abs(rhythm - KEPT) > 0.25 * KEPT
    assert SCORE.learning is not None
    rng = np.random.default_rng(1)
    x = rng.integers(0, 4 * KEPT, (200, 1)).astype(float)
    gone = (x[:, 0] > rng.random(200) * 4 * KEPT).astype(int)
    logistic = SCORE.learning.candidates["logistic regression"].make().fit(x, gone)
    model = Fitted("logistic regression", "binary", logistic, ["recency_days"])
    detail = {
        "code": code_of("churn"), "features": names, "horizon_days": KEPT, "estimator": "logistic regression",
        "training_rows": 200, "customers": 200, "base_rate": 0.5, "cutoffs": [2, 4], "notes": [], "selection": {},
        "feature_psi": {}, "gates": [], "metrics": [], "curves": [], "drivers": {},
        "reference": np.quantile(model.scale(x), np.linspace(0, 1, 501)).tolist(),
    }  # fmt: skip
    made = dt.datetime(2024, 1, 1)
    run = ModelRun("churn", "champion", as_of - dt.timedelta(days=5), made, "passed", "", "0" * 64, detail,
                   artefact.dump(model))  # fmt: skip
    with open_session(config, "refresh") as session:
        for manifest in session.lake.loads(OWN, MODEL_RUN):
            session.lake.drop(manifest)
        remember_run(session.lake, run, session.run_id, session.now)
        session.build_warehouse(["stg_regulars__settings", "fqn:regulars.features"])
        scored = session.score()
        runs = read_runs(session.lake, "churn", as_of)
    assert scored.horizon_wanted is None
    seen = {(kept.detail["horizon_days"], kept.status) for kept in runs}
    assert seen == {(KEPT, "passed"), (rhythm, "not_enough_data")}
    with duckdb.connect(str(shop.state / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select horizon_days from features.feat_rhythm").fetchall() == [(KEPT,)]
        assert con.execute("select distinct horizon_days from scores.churn").fetchall() == [(KEPT,)]
