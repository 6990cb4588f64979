"""The scoring step: train where it is due, score, keep the last good scores where a gate fails."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.landing.lake import Lake
from orchestration.platform.clock import naive_utc
from orchestration.platform.paths import PROJECT, CompanyPaths
from orchestration.scoring.memory import (
    NOT_ENOUGH,
    PASSED,
    PROVISIONAL,
    REFUSED,
    ModelRun,
    prune,
    read_runs,
    remember_run,
    remember_scores,
)

if TYPE_CHECKING:
    import pandas as pd

    from models_ml.churn.model import ChurnModel
    from models_ml.churn.train import Samples, Training
    from models_ml.common.gates import Gate

CHURN, VALUE = "churn", "value"
# What a model depends on besides its data: where one of these changes, it is trained again.
CODE_OF = ("models_ml/churn/*.py", "models_ml/common/*.py", "dbt_project/models/features/*.sql")
CHURN_SCORE, VALUE_SCORE = "churn_score", "value_score"
CHURN_COLUMNS = (
    "customer_key bigint, churn_probability double, recency_days integer, reason_1 varchar, reason_2 varchar, "
    "reason_3 varchar, theme_1 varchar, theme_2 varchar, theme_3 varchar, share_1 double, share_2 double, "
    "share_3 double, horizon_days integer, model_version varchar, as_of date, scored_at timestamp, "
    "input_fingerprint varchar"
)
VALUE_COLUMNS = (
    "customer_key bigint, current_score double, future_score double, credit_score double, loyalty_score double, "
    "growth_score double, value_index double, index_tier varchar, missing_parts varchar, is_tier_firm boolean, "
    "expected_margin double, margin_if_staying double, model_version varchar, as_of date, scored_at timestamp, "
    "input_fingerprint varchar"
)
TABLES = {
    "churn": CHURN_COLUMNS + ", highest_probability_before double, probability_before double, is_fresh boolean",
    "value": VALUE_COLUMNS,
    "value_sensitivity": "part varchar, factor double, customers bigint, kept_share double, moved_up bigint, "
    "moved_down bigint",
    "model_run": "model varchar, version varchar, status varchar, is_current boolean, message varchar, "
    "trained_at timestamp, trained_as_of date, scores_as_of date, horizon_days integer, estimator varchar, "
    "training_rows bigint, customers bigint, base_rate double, card varchar",
    "model_metric": "model varchar, version varchar, population varchar, estimator varchar, metric varchar, "
    "value double, low double, high double",
    "model_gate": "model varchar, version varchar, gate varchar, is_passed boolean, observed double, bound double, "
    "message varchar",
    "model_curve": "model varchar, version varchar, estimator varchar, curve varchar, point integer, x double, "
    "y double, customers bigint",
    "model_driver": "model varchar, version varchar, driver varchar, weight double",
}
BASELINE, PROVISIONAL_PREFIX = "baseline", "provisional"
OLDEST_DAYS = 14  # scores that cannot be renewed give way to observed rates after it
METRIC_COLUMNS = ("population", "estimator", "metric", "value", "low", "high")
LEARNED_AGAIN = (
    "What is reported learned only from windows that were over before the reported one began; what scores was learned "
    "again from every finished window."
)


@dataclass
class Scored:
    """What the step did, for Dagster, the journal and `regulars status`.

    Args:
        models: one row per model: name, version, status, message, scores_as_of.
        gates: verdicts on the newest model or the newest scores.
        rows: rows of the score tables.
    """

    models: list[dict[str, Any]] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


@dataclass
class Step:
    """One scoring, with what all of its parts need.

    Args:
        con: the warehouse, with the feature tables.
        config: the company.
        lake: its memory.
        paths: where model cards go.
        as_of: last business day of the features.
        run_id: name of the run's loads.
        now: the run's time.
        retrain: train also where it is not due.
        keep: remember in the lake; a build as of a past day does not.
    """

    con: duckdb.DuckDBPyConnection
    config: CompanyConfig
    lake: Lake
    paths: CompanyPaths
    as_of: dt.date
    run_id: str
    now: dt.datetime
    retrain: bool = False
    keep: bool = True

    def run(self) -> Scored:
        """Score churn, then value, which needs it; writes the tables of schema `scores`."""
        self.con.execute("create schema if not exists scores")
        for name, columns in TABLES.items():
            self.con.execute(f"create or replace table scores.{name} ({columns})")
        found = Scored()
        if self.frame("select 1 from features.feat_rhythm").empty:
            found.models.append(self.nobody(CHURN))
            found.models.append(self.nobody(VALUE))
        else:
            self.churn(found)
            self.value(found)
        for name in TABLES:
            count = self.con.execute(f"select count(*) from scores.{name}").fetchone()
            found.rows[name] = int(count[0]) if count else 0
        return found

    def frame(self, sql: str) -> pd.DataFrame:
        """A query as a frame."""
        return self.con.execute(sql).df()

    def nobody(self, model: str) -> dict[str, Any]:
        """The state of a model in a company without customers."""
        message = "nobody has bought yet: nothing to score"
        row = {"model": model, "version": "none", "status": NOT_ENOUGH, "is_current": False, "message": message,
               "training_rows": 0, "customers": 0}  # fmt: skip
        self.insert("model_run", [row])
        return row | {"scores_as_of": None}

    def insert(self, table: str, rows: Iterable[Mapping[Any, Any]]) -> None:
        """Add rows to a table of `scores`, by name."""
        import pandas as pd

        frame = pd.DataFrame(list(rows))
        if len(frame):
            self.con.register("new_rows", pa.Table.from_pandas(frame, preserve_index=False))
            self.con.execute(f"insert into scores.{table} by name select * from new_rows")
            self.con.unregister("new_rows")

    # churn ----------------------------------------------------------------------------------------

    def samples(self) -> Samples:
        """The feature tables as the churn model reads them."""
        from models_ml.churn.train import samples_of

        return samples_of(
            self.frame("select * from features.feat_customer_cutoff"),
            self.frame("select * from features.feat_churn_label"),
            self.frame("select * from features.feat_cutoff order by cutoff_no"),
        )

    def churn(self, found: Scored) -> None:
        """Train if due, score, fill the churn tables."""
        from models_ml.churn.train import observed_rates, train

        samples = self.samples()
        print_ = fingerprint_of(samples)
        runs = read_runs(self.lake, CHURN, self.as_of)
        training: Training | None = None
        if self.retrain or self.is_due(runs, samples):
            training = train(samples)
            run = self.run_of(training, samples, print_, last_good(runs, samples))
            if self.keep:
                remember_run(self.lake, run, self.run_id, self.now)
            runs = [kept for kept in runs if kept.version != run.version] + [run]
            found.gates = training.gates
        rates = observed_rates(samples)
        observed = self.rows_of(rates, samples, f"{BASELINE}-{self.as_of:%Y%m%d}", print_) if rates else None
        current = last_good(runs, samples)
        scores, message = None, runs[-1].verdict
        if current:
            scores, gates = self.scored(current, samples, observed, print_)
            found.gates = [*found.gates, *gates]
            failed = next((gate for gate in gates if not gate.passed), None)
            if failed:
                message = f"scores refused, the last good ones stay: {failed.message}"
        if scores is None and not self.has_good_scores():
            scores = observed
        if scores is not None:
            self.keep_scores(CHURN_SCORE, scores)
        self.read_churn(scores, observed, print_)
        self.describe(runs, current, message, found)

    def scored(
        self, run: ModelRun, samples: Samples, observed: pd.DataFrame | None, print_: str
    ) -> tuple[pd.DataFrame | None, list[Gate]]:  # fmt: skip
        """Today's scores by a model, and the gates that they passed; no scores where one failed.

        Of a provisional model its order counts: its probabilities are dealt out of the last published run's, or of
        observed rates where no run has been published, so that levels have the shares that they had.
        """
        from models_ml.common import artefact
        from models_ml.common.calibration import onto

        model = artefact.load(run.artefact or b"")
        p, gates = scored_well(model, samples, run)
        if not all(gate.passed for gate in gates):
            return None, gates
        if run.status == PASSED:
            return self.rows_of(model, samples, run.version, print_, p), gates
        reference = self.last_published(samples.horizon_days)
        if not len(reference) and observed is not None:
            reference = observed["churn_probability"].to_numpy()
        p = onto(p, reference)
        return self.rows_of(model, samples, f"{PROVISIONAL_PREFIX}-{run.version}", print_, p), gates

    def last_published(self, horizon_days: int) -> Any:
        """Probabilities of the newest remembered score run of a model that had passed, for the horizon; or none."""
        files = self.lake.remembered(CHURN_SCORE)
        if not files:
            return ()
        return self.con.execute(
            """
            with of_models as (
              select * from read_parquet($files, union_by_name = true) where as_of <= $as_of
                and horizon_days = $horizon
                and not regexp_matches(model_version, $no_model)
            )
            select churn_probability from of_models
            where (as_of, scored_at) = (select max((as_of, scored_at)) from of_models)
            """,
            {"files": files, "as_of": self.as_of, "horizon": horizon_days,
             "no_model": f"^({BASELINE}|{PROVISIONAL_PREFIX})-"},
        ).fetchnumpy()["churn_probability"]  # fmt: skip

    def has_good_scores(self) -> bool:
        """Whether a model's scores are remembered that may be shown still; observed rates do not count."""
        files = self.lake.remembered(CHURN_SCORE)
        found = (
            files
            and self.con.execute(
                "select 1 from read_parquet($files) where as_of <= $as_of and as_of >= $oldest "
                "and not starts_with(model_version, $baseline) limit 1",
                {"files": files, "as_of": self.as_of, "oldest": self.as_of - dt.timedelta(days=OLDEST_DAYS),
                 "baseline": BASELINE},
            ).fetchone()
        )  # fmt: skip
        return bool(found)

    def is_due(self, runs: list[ModelRun], samples: Samples) -> bool:
        """Whether to train: never tried by this code on these features and this horizon, or long ago.

        A model that was refused is tried again when another window is over, and what lacked data each day.
        """
        from models_ml.churn.train import STEPS_PER_HORIZON

        if not runs:
            return True
        last = runs[-1]
        known = last.detail.get("code") == code() and last.detail.get("horizon_days") == samples.horizon_days
        if not known or last.detail.get("features") != samples.names:
            return True
        wait = self.config.company.churn.retrain_after_days
        if last.status == NOT_ENOUGH:
            wait = 1
        elif last.status == REFUSED:
            wait = min(wait, max(1, samples.horizon_days // STEPS_PER_HORIZON))
        return (self.as_of - last.as_of).days >= wait

    def run_of(self, training: Training, samples: Samples, print_: str, champion: ModelRun | None) -> ModelRun:
        """A training as it is remembered."""
        from models_ml.churn.reasons import NAMES, importance
        from models_ml.common import artefact
        from models_ml.common.curves import curves

        if training.model is not None and champion is not None:
            gate = against(training, samples, champion)
            if gate:
                training.gates.append(gate)
                training.judge()
        version = f"{self.as_of:%Y%m%d}-{print_[:8]}"
        report = dict(training.report)
        y = report.pop("y", None)
        drivers = importance(training.model, samples, 0) if training.model is not None else {}
        detail = {
            "code": code(), "features": samples.names, "horizon_days": samples.horizon_days,
            "estimator": training.champion, "training_rows": training.rows, "customers": training.customers,
            "base_rate": training.base_rate, "cutoffs": training.cutoffs, "notes": training.notes,
            "selection": training.selection, "feature_psi": training.feature_psi,
            "gates": [gate.row() for gate in training.gates],
            "metrics": metric_rows("everybody", training.metrics)
            + metric_rows("bought within the horizon", training.still_buying),
            "curves": curves(y, report) if y is not None else [],
            "drivers": {NAMES[theme]: weight for theme, weight in drivers.items()},
            "reference": reference_of(training, samples),
        }  # fmt: skip
        data = artefact.dump(training.model) if training.status in (PASSED, PROVISIONAL) else None
        return ModelRun(
            CHURN, version, self.as_of, naive_utc(self.now), training.status, training.verdict, print_, detail, data
        )

    def rows_of(
        self, model: ChurnModel, samples: Samples, version: str, print_: str, p: Any = None
    ) -> pd.DataFrame:  # fmt: skip
        """Scores of today's customers with their reasons; `p`: other probabilities than the model's."""
        from models_ml.churn.reasons import reasons

        if p is None:
            p = model.probability(samples.of(model.names, samples.cutoff == 0))
        told = reasons(model, samples, 0)
        recency = samples.column("recency_days")[samples.cutoff == 0]
        return told.assign(
            churn_probability=p.round(6), recency_days=recency.astype(int), horizon_days=samples.horizon_days,
            model_version=version, as_of=self.as_of, scored_at=naive_utc(self.now), input_fingerprint=print_,
        )  # fmt: skip

    def keep_scores(self, table: str, scores: pd.DataFrame) -> None:
        """Put a score run into the lake, and let old ones go."""
        if self.keep:
            remember_scores(self.lake, table, pa.Table.from_pandas(scores, preserve_index=False), self.run_id, self.now)
            prune(self.lake, table, self.as_of)

    def read_churn(self, fresh: pd.DataFrame | None, observed: pd.DataFrame | None, print_: str) -> None:
        """Fill `scores.churn` with the newest good run up to as_of, and what earlier runs said of each customer.

        A run is fresh where it was made from the features of now. Who came after it gets observed rates.
        """
        self.gather(CHURN_SCORE, CHURN_COLUMNS, fresh)
        names = ", ".join(column.split()[0] for column in CHURN_COLUMNS.split(", "))
        self.con.execute(
            f"""
            insert into scores.churn by name
            with newest as (
              select model_version, as_of, input_fingerprint, scored_at from gathered where as_of <= $as_of
              order by as_of desc, input_fingerprint = $print desc, scored_at desc limit 1
            ),
            earlier as (
              select customer_key, max(churn_probability) as highest_probability_before,
                max_by(churn_probability, (as_of, scored_at)) as probability_before
              from gathered where as_of < (select as_of from newest) group by customer_key
            )
            select {names}, highest_probability_before, probability_before, input_fingerprint = $print as is_fresh
            from gathered semi join newest using (model_version, as_of, input_fingerprint, scored_at)
            left join earlier using (customer_key)
            qualify row_number() over (partition by customer_key order by is_own desc, churn_probability desc) = 1
            """,
            {"as_of": self.as_of, "print": print_},
        )
        if observed is not None:
            self.con.register("observed_rates", pa.Table.from_pandas(observed, preserve_index=False))
            self.con.execute(
                "insert into scores.churn by name select *, true as is_fresh from observed_rates "
                "anti join scores.churn using (customer_key)"
            )
            self.con.unregister("observed_rates")

    def gather(self, table: str, columns: str, fresh: pd.DataFrame | None) -> None:
        """Make the temporary table `gathered`: every remembered score run, and the fresh one if it is not kept.

        Scores follow merges and splits: a score of a key that was a customer's goes to the customer whom the key's
        founder belongs to now, and is not its own there.
        """
        self.con.execute(f"create or replace temp table gathered ({columns}, is_own boolean default true)")
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        files = self.lake.remembered(table)
        if files:
            # By name, so that a column which was empty in one run, and has no type of its own there, takes the others'.
            rows = "read_parquet($files, union_by_name = true)"
            self.con.execute(f"insert into gathered by name select {names} from {rows}", {"files": files})
        if fresh is not None and not self.keep:
            self.con.register("fresh_scores", pa.Table.from_pandas(fresh, preserve_index=False))
            self.con.execute(f"insert into gathered by name select {names} from fresh_scores")
            self.con.unregister("fresh_scores")
        self.con.execute("create schema if not exists identity")
        self.con.execute(
            "create table if not exists identity.customer_link "
            "(source_customer_key bigint, customer_key bigint, valid_to timestamp)"
        )
        self.con.execute(
            """
            update gathered set customer_key = link.customer_key, is_own = false
            from (select distinct source_customer_key, customer_key from identity.customer_link where valid_to is null)
              link
            where gathered.customer_key = link.source_customer_key and gathered.customer_key <> link.customer_key
              and gathered.customer_key not in (
                select customer_key from identity.customer_link where valid_to is null)
            """
        )

    def describe(self, runs: list[ModelRun], current: ModelRun | None, message: str, found: Scored) -> None:
        """Fill the model tables, write the card of the newest training, and say where churn stands."""
        shown = self.con.execute(
            "select model_version, as_of, is_fresh from scores.churn group by all "
            "order by count(*) desc, model_version limit 1"
        ).fetchone()
        for run in runs:
            self.insert("model_run", [self.model_row(run, current, shown, message if run is runs[-1] else run.verdict)])
            self.insert(
                "model_metric", ({"model": CHURN, "version": run.version} | row for row in run.detail["metrics"])
            )
            self.insert("model_gate", (gate_row(run, gate) for gate in run.detail["gates"]))
            self.insert("model_curve", ({"model": CHURN, "version": run.version} | row for row in run.detail["curves"]))
            self.insert("model_driver", ({"model": CHURN, "version": run.version, "driver": name, "weight": weight}
                                         for name, weight in run.detail["drivers"].items()))  # fmt: skip
        self.write_card(runs[-1], message)
        status = runs[-1].status
        if shown and not shown[2]:
            status = "stale"
        elif shown and shown[0].startswith(BASELINE):
            status = "baseline"
        elif shown and shown[0].startswith(PROVISIONAL_PREFIX):
            status = PROVISIONAL
        found.models.append(
            {"model": CHURN, "version": shown[0] if shown else None, "status": status, "message": message,
             "scores_as_of": shown[1] if shown else None, "trained_as_of": runs[-1].as_of}
        )  # fmt: skip

    def model_row(self, run: ModelRun, current: ModelRun | None, shown: Any, message: str) -> dict[str, Any]:
        """A training as `scores.model_run` has it."""
        is_current = current is not None and run.version == current.version
        detail = run.detail
        return {
            "model": run.model, "version": run.version,
            "status": {PASSED: "published", PROVISIONAL: PROVISIONAL}[run.status] if is_current
            else "superseded" if run.status in (PASSED, PROVISIONAL) else run.status,
            "is_current": is_current, "message": message, "trained_at": run.trained_at, "trained_as_of": run.as_of,
            "scores_as_of": shown[1] if shown and shown[0] == run.version else None,
            "horizon_days": detail["horizon_days"], "estimator": detail["estimator"] or None,
            "training_rows": detail["training_rows"], "customers": detail["customers"],
            "base_rate": detail["base_rate"], "card": str(self.card_path(run)),
        }  # fmt: skip

    def card_path(self, run: ModelRun) -> Any:
        """Where a training's card is."""
        return self.paths.models / run.model / f"{run.version}.html"

    def write_card(self, run: ModelRun, message: str) -> None:
        """Write the model card, with the plotting library beside it."""
        import plotly

        from models_ml.common.card import PLOTLY, page

        path = self.card_path(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        library = path.parent / PLOTLY
        if not library.exists():
            source = next(iter(plotly.__path__)) + "/package_data/plotly.min.js"
            shutil.copyfile(source, library)
        detail = run.detail
        facts = {
            "company": self.config.company.title, "version": run.version, "status": run.status,
            "estimator": detail["estimator"] or "none", "label": f"no purchase for {detail['horizon_days']} days",
            "trained as of": str(run.as_of), "trained at (UTC)": str(run.trained_at)[:19],
            "customers": detail["customers"], "rows learned from": detail["training_rows"],
            "churned on the last finished window": detail["base_rate"],
            "cut-offs (half horizons before as_of)": ", ".join(map(str, detail["cutoffs"])) or "none",
        }  # fmt: skip
        path.write_text(
            page(
                f"Churn, {self.config.company.title}", facts, message,
                [{"gate": g["name"], "passed": g["passed"], "": g["message"]} for g in detail["gates"]],
                [{name: row[name] for name in METRIC_COLUMNS} for row in detail["metrics"]], detail["curves"],
                [{"driver": name, "mean effect on the log-odds": weight} for name, weight in detail["drivers"].items()],
                [{"feature": name, "stability index": value} for name, value in detail["feature_psi"].items()],
                [LEARNED_AGAIN, *detail["notes"]],
            ),
            encoding="utf-8",
        )  # fmt: skip

    # value ----------------------------------------------------------------------------------------

    def value(self, found: Scored) -> None:
        """Score value with the churn probabilities that readers see; fill the value tables."""
        import pandas as pd

        from models_ml.value.index import VERSION, Tiers, score, sensitivity

        settings = self.config.company.value
        weights, cuts = settings.weights.model_dump(), Tiers(settings.high_share, settings.low_share)
        frame = self.frame(
            "select features.*, churn.churn_probability from features.feat_customer_value as features "
            "left join scores.churn using (customer_key) order by customer_key"
        )
        churn = frame.pop("churn_probability").to_numpy(dtype=float, na_value=float("nan"))
        print_ = hashlib.sha256(
            pd.util.hash_pandas_object(frame.assign(churn=churn), index=False).to_numpy().tobytes()
            + settings.model_dump_json().encode()
        ).hexdigest()
        scores = score(frame, churn, weights, cuts)
        self.insert("value_sensitivity", sensitivity(scores, weights, cuts).to_dict("records"))
        scores = scores.assign(
            model_version=VERSION, as_of=self.as_of, scored_at=naive_utc(self.now), input_fingerprint=print_
        )
        self.keep_scores(VALUE_SCORE, scores)
        self.gather(VALUE_SCORE, VALUE_COLUMNS, scores)
        self.con.execute(
            "insert into scores.value by name select * exclude (is_own) from ("
            "  select * from gathered where as_of <= $as_of "
            "  qualify dense_rank() over (order by as_of desc, input_fingerprint = $print desc, scored_at desc) = 1"
            ") qualify row_number() over (partition by customer_key order by is_own desc, value_index desc) = 1",
            {"as_of": self.as_of, "print": print_},
        )
        missing = sorted({part for text in scores["missing_parts"].unique() for part in text.split(", ") if part})
        message = "a formula, nothing to train" + (f"; some customers lack: {', '.join(missing)}" if missing else "")
        row = {
            "model": VALUE, "version": VERSION, "status": "published", "is_current": True, "message": message,
            "scores_as_of": self.as_of, "training_rows": 0, "customers": len(scores),
        }  # fmt: skip
        self.insert("model_run", [row])
        found.models.append(row | {"trained_as_of": None})


@functools.cache
def code() -> str:
    """Hash of what makes features and models out of data."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in CODE_OF for path in PROJECT.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def fingerprint_of(samples: Samples) -> str:
    """Hash of everything that a training depends on."""
    parts = f"{code()} {samples.horizon_days} {samples.names} {sorted(samples.cutoffs.items())}"
    digest = hashlib.sha256(parts.encode())
    for array in (samples.x, samples.y, samples.cutoff, samples.customer):
        digest.update(array.tobytes())
    return digest.hexdigest()


def last_good(runs: list[ModelRun], samples: Samples) -> ModelRun | None:
    """The newest training that passed and reads features that are there, for the same horizon; without one, the newest
    provisional one."""
    for status in (PASSED, PROVISIONAL):
        for run in reversed(runs):
            fits = set(run.detail["features"]) <= set(samples.names)
            known = run.detail["code"] == code() and run.detail["horizon_days"] == samples.horizon_days
            if run.status == status and fits and known:
                return run
    return None


def metric_rows(population: str, metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Metrics as rows."""
    return [
        {"population": population, "estimator": estimator, "metric": name} | asdict(measured)
        for estimator, found in metrics.items()
        for name, measured in found.items()
    ]


def gate_row(run: ModelRun, gate: dict[str, Any]) -> dict[str, Any]:
    """A gate as `scores.model_gate` has it."""
    return {
        "model": run.model, "version": run.version, "gate": gate["name"], "is_passed": gate["passed"],
        "observed": gate["observed"], "bound": gate["bound"], "message": gate["message"],
    }  # fmt: skip


def reference_of(training: Training, samples: Samples) -> list[float]:
    """Quantiles of the log-odds at training, to see later whether the scores have moved."""
    import numpy as np

    from models_ml.churn.train import odds_at

    if training.model is None:
        return []
    found: list[float] = np.quantile(
        odds_at(training.model, samples, 0), np.linspace(0, 1, 501), method="nearest"
    ).tolist()
    return found


def scored_well(model: ChurnModel, samples: Samples, run: ModelRun) -> tuple[Any, list[Gate]]:
    """Probabilities of today's customers, and whether they may be shown."""
    import numpy as np

    from models_ml.churn.train import odds_at, predict
    from models_ml.common.gates import complete, stable_scores

    p = predict(model, samples, 0)
    gates = [complete(p), stable_scores(np.array(run.detail["reference"]), odds_at(model, samples, 0))]
    return p, gates + still_better(model, samples, run)


def still_better(model: ChurnModel, samples: Samples, run: ModelRun) -> list[Gate]:
    """Not worse than observed rates on the newest finished window; nothing where the model has learned from it."""
    import numpy as np

    from models_ml.churn.model import RecencyRates
    from models_ml.churn.train import BASELINE as RULE
    from models_ml.churn.train import STEPS_PER_HORIZON, fit, predict
    from models_ml.common.gates import not_worse

    finished = [no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled]
    report = min(finished, default=None)
    if report is None or run.as_of > samples.cutoffs[report].day:
        return []
    learn = samples.rows(report + STEPS_PER_HORIZON) & np.isfinite(samples.y)
    at = samples.cutoff == report
    if len(np.unique(samples.y[learn])) < 2 or not at.any():
        return []
    rule = predict(fit(RULE, RecencyRates(), samples, learn), samples, report)
    y, p = samples.y[at], predict(model, samples, report)
    return [not_worse("still_better", y, p, rule, RULE, samples.customer[at])]


def against(training: Training, samples: Samples, champion: ModelRun) -> Gate | None:
    """The challenger is not worse than the champion on the reporting window; None where it learned from it."""
    from models_ml.churn.train import predict
    from models_ml.common import artefact
    from models_ml.common.gates import not_worse

    report = training.cutoffs[0]
    if champion.as_of > samples.cutoffs[report].day:
        return None  # it has seen the outcome
    at = samples.cutoff == report
    old = predict(artefact.load(champion.artefact or b""), samples, report)
    p = training.report[training.champion]
    return not_worse("not_worse_champion", samples.y[at], p, old, "the champion", samples.customer[at])
