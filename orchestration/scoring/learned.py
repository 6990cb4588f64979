"""A score that is learned: train where it is due, score, show the better of model and baseline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models_ml.common.declare import Label, LearnedBlock, Learning, Score, resolve
from orchestration.platform.clock import naive_utc
from orchestration.scoring.card import card_path, write_card
from orchestration.scoring.champion import against, reference_of, scored_well
from orchestration.scoring.columns import run_columns
from orchestration.scoring.history import (
    BASELINE,
    PROVISIONAL_PREFIX,
    ModelRun,
    gather,
    last_published,
    newest_good,
    read_newest,
    read_runs,
    remember_run,
)
from orchestration.scoring.policy import PASSED, PROVISIONAL, Decision, History, decide, in_use, kept_horizon
from orchestration.scoring.registry import DeclarationError, code_of
from orchestration.scoring.step import Scored, Step

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from models_ml.common.fitted import Fitted
    from models_ml.common.gates import Gate
    from models_ml.common.samples import Samples
    from models_ml.common.train import Training

BASIS = {"publish": "model", "provisional": "provisional", "baseline": "baseline"}
PREFIX = {"publish": "", "provisional": f"{PROVISIONAL_PREFIX}-"}


def run_learned(step: Step, score: Score, scored: Scored) -> None:
    """Train if due, score, fill the score's tables; or ask for features of the horizon that the model in use has."""
    assert score.learning is not None
    Learned(step, score, score.learning).run(scored)


def read_samples(con: duckdb.DuckDBPyConnection, score: Score) -> Samples | None:
    """The feature tables as a learned score reads them; None where there is nobody."""
    from models_ml.common.samples import samples_of

    learning = score.learning
    assert learning is not None
    population = con.execute(f"select * from features.{learning.population}").df()
    cutoffs = con.execute(f"select * from features.{learning.cutoffs} order by cutoff_no").df()
    if population.empty or cutoffs.empty:
        return None
    target = learning.target
    labels = con.execute(f"select * from features.{target.model}").df() if isinstance(target, Label) else None
    return samples_of(population, cutoffs, target, labels, score.unit)


@dataclass(frozen=True)
class Shown:
    """What of a score readers see: most of its rows' version, basis, day, and whether they are of now."""

    version: str
    basis: str
    as_of: Any
    is_fresh: bool


@dataclass
class Learned:
    """One learned score in one refresh."""

    step: Step
    score: Score
    learning: Learning

    def run(self, scored: Scored) -> None:
        """See `run_learned`."""
        from models_ml.common.train import observed, train

        step, score = self.step, self.score
        samples = read_samples(step.con, score)
        if samples is None:
            scored.models.append(step.nobody(score))
            return
        print_ = fingerprint_of(samples, code_of(score.name))
        runs = read_runs(step.lake, score.name, step.as_of)
        gates: list[Gate] = []
        if decide(self.history(runs, samples, step.retrain)) == "train":
            training = train(samples, self.learning)
            run = self.run_of(training, samples, print_, self.champion(runs, samples))
            if step.keep:
                remember_run(step.lake, run, step.run_id, step.now)
            runs = [kept for kept in runs if kept.version != run.version] + [run]
            gates = training.gates
        history = self.history(runs, samples)
        kept, _ = kept_horizon(history)
        if self.learning.leads_horizon and kept not in (None, samples.horizon_days) and not self.is_horizon_set():
            scored.horizon_wanted = kept
            return
        rates = observed(samples, self.learning)
        rule = self.rows_of(rates, samples, f"{BASELINE}-{step.as_of:%Y%m%d}", BASELINE, print_) if rates else None
        current = self.champion(runs, samples)
        rows, today, decision = self.scored(current, history, samples, rule, print_)
        if rows is not None:
            step.keep_scores(score, rows)
        gather(step.con, step.lake, score, None if step.keep else rows)
        read_newest(step.con, score, step.as_of, print_, rule)
        scored.gates[score.name] = [*gates, *today]
        scored.models.append(self.describe(runs, current, verdict_of(runs[-1], today, decision, self.learning)))

    def is_horizon_set(self) -> bool:
        """Whether the company itself says how far the score looks ahead."""
        return getattr(self.step.config.company.block(self.score.name), "horizon_days", "auto") != "auto"

    def history(self, runs: Sequence[ModelRun], samples: Samples, is_asked: bool = False) -> History:
        """What the policy is asked about."""
        step = self.step
        settings = step.config.company.block(self.score.name)
        assert isinstance(settings, LearnedBlock)
        return History(
            step.as_of, code_of(self.score.name), samples.horizon_days, tuple(samples.names),
            [run.attempt for run in runs], newest_good(step.con, step.lake, self.score, step.as_of),
            settings.retrain_after_days, is_asked,
        )  # fmt: skip

    def champion(self, runs: Sequence[ModelRun], samples: Samples) -> ModelRun | None:
        """The training whose model is in use."""
        place = in_use(self.history(runs, samples))
        return None if place is None else runs[place]

    def scored(
        self, run: ModelRun | None, history: History, samples: Samples, rule: pd.DataFrame | None, print_: str
    ) -> tuple[pd.DataFrame | None, list[Gate], Decision]:
        """Today's rows, the gates that the model in use was asked, and what was decided; no rows where old ones stay.

        Of a provisional model its order counts: its predictions are dealt out of the last published run's, or of the
        baseline's where no run has been published, so that levels have the shares that they had.
        """
        from models_ml.common import artefact
        from models_ml.common.calibration import onto

        gates: list[Gate] = []
        if run is not None:
            model = artefact.load(run.artefact or b"")
            p, gates = scored_well(model, samples, run, self.learning)
        decision = decide(history, gates)
        if decision == "keep":
            return None, gates, decision
        if decision == "baseline" or run is None:
            return rule, gates, decision
        if decision == "provisional":
            step = self.step
            reference = last_published(step.con, step.lake, self.score, step.as_of, samples.horizon_days)
            if reference is None and rule is not None:
                reference = rule[list(self.score.predictions)].to_numpy(dtype=float)
                reference = reference if p.ndim > 1 else reference[:, 0]
            p = onto(p, reference)
        version = PREFIX[decision] + run.version
        return self.rows_of(model, samples, version, BASIS[decision], print_, p), gates, decision

    def run_of(self, training: Training, samples: Samples, print_: str, champion: ModelRun | None) -> ModelRun:
        """A training as it is remembered."""
        from models_ml.common import artefact
        from models_ml.common.curves import curves

        if training.model is not None and champion is not None:
            gate = against(training, samples, champion)
            if gate:
                training.gates.append(gate)
                training.judge()
        step, learning = self.step, self.learning
        report = dict(training.report)
        y = report.pop("y", None)
        part = learning.part.title if learning.part else ""
        drivers: dict[str, float] = {}
        if training.model is not None and learning.reasons:
            drivers = resolve(learning.reasons).importance(training.model, samples, 0)
        detail = {
            "code": code_of(self.score.name), "features": samples.names, "horizon_days": samples.horizon_days,
            "estimator": training.champion, "training_rows": training.rows, "customers": training.customers,
            "base_rate": training.base_rate, "cutoffs": training.cutoffs, "notes": training.notes,
            "selection": training.selection, "feature_psi": training.feature_psi,
            "gates": [gate.row() for gate in training.gates],
            "metrics": metric_rows("everybody", training.metrics) + metric_rows(part, training.part_metrics),
            "curves": curves(y, report) if y is not None else [],
            "drivers": drivers,
            "reference": reference_of(training, samples),
        }  # fmt: skip
        data = artefact.dump(training.model) if training.status in (PASSED, PROVISIONAL) else None
        return ModelRun(
            self.score.name, f"{step.as_of:%Y%m%d}-{print_[:8]}", step.as_of, naive_utc(step.now), training.status,
            training.verdict, print_, detail, data,
        )  # fmt: skip

    def rows_of(
        self, model: Fitted, samples: Samples, version: str, basis: str, print_: str, p: Any = None
    ) -> pd.DataFrame:
        """Scores of today's units with their reasons; `p`: other predictions than the model's.

        Raises:
            DeclarationError: nothing gives a declared column.
        """
        import pandas as pd

        from models_ml.common.fitted import predict

        score, now = self.score, samples.cutoff == 0
        if p is None:
            p = predict(model, samples, 0)
        types = {column.name: column.type for column in score.columns}
        columns: dict[str, Any] = {name: values[now] for name, values in samples.units.items()}
        columns |= dict(zip(score.predictions, p.reshape(len(p), -1).round(6).T, strict=True))
        for name in score.carried:
            values = pd.Series(samples.column(name)[now])
            columns[name] = values.astype("Int64") if types[name] in ("integer", "bigint") else values
        if self.learning.reasons:
            columns |= dict(resolve(self.learning.reasons).reasons(model, samples, 0).items())
        columns |= {
            "horizon_days": samples.horizon_days, "model_version": version, "score_basis": basis,
            "as_of": self.step.as_of, "scored_at": naive_utc(self.step.now), "input_fingerprint": print_,
        }  # fmt: skip
        wanted = [column.name for column in run_columns(score)]
        if lacking := [name for name in wanted if name not in columns]:
            raise DeclarationError(
                f"models_ml/{score.name}/score.py: field 'columns': value '{', '.join(lacking)}': expected: a "
                "prediction, a carried feature or a column of the reasons"
            )
        return pd.DataFrame(columns)[wanted]

    def describe(self, runs: Sequence[ModelRun], current: ModelRun | None, message: str) -> dict[str, Any]:
        """Fill the model tables, write the card of the newest training, and say where the score stands."""
        step, name = self.step, self.score.name
        found = step.con.execute(
            f"select model_version, score_basis, as_of, is_fresh from scores.{name} group by all "
            "order by count(*) desc, model_version limit 1"
        ).fetchone()
        shown = Shown(*found) if found else None
        for run in runs:
            own = {"model": name, "version": run.version}
            step.insert("model_run", [self.model_row(run, current, shown, message if run is runs[-1] else run.verdict)])
            step.insert("model_metric", (own | row for row in run.detail["metrics"]))
            step.insert("model_gate", (gate_row(run, gate) for gate in run.detail["gates"]))
            step.insert("model_curve", (own | row for row in run.detail["curves"]))
            step.insert("model_driver", (own | {"driver": theme, "weight": weight}
                                         for theme, weight in run.detail["drivers"].items()))  # fmt: skip
        write_card(step.config, step.paths, self.score, runs[-1], message)
        status = runs[-1].status
        if shown and not shown.is_fresh:
            status = "stale"
        elif shown and shown.basis != "model":
            status = shown.basis
        return {
            "model": name, "version": shown.version if shown else None, "status": status, "message": message,
            "scores_as_of": shown.as_of if shown else None, "trained_as_of": runs[-1].as_of,
        }  # fmt: skip

    def model_row(
        self, run: ModelRun, current: ModelRun | None, shown: Shown | None, message: str
    ) -> dict[str, Any]:  # fmt: skip
        """A training as `scores.model_run` has it."""
        is_current = current is not None and run.version == current.version
        detail = run.detail
        return {
            "model": run.model, "version": run.version,
            "status": {PASSED: "published", PROVISIONAL: PROVISIONAL}[run.status] if is_current
            else "superseded" if run.status in (PASSED, PROVISIONAL) else run.status,
            "is_current": is_current, "message": message, "trained_at": run.trained_at, "trained_as_of": run.as_of,
            "scores_as_of": shown.as_of if shown and shown.version == run.version else None,
            "horizon_days": detail["horizon_days"], "estimator": detail["estimator"] or None,
            "training_rows": detail["training_rows"], "customers": detail["customers"],
            "base_rate": detail["base_rate"], "card": str(card_path(self.step.paths, run)),
        }  # fmt: skip


def verdict_of(newest: ModelRun, gates: Sequence[Gate], decision: Decision, learning: Learning) -> str:
    """Where the score stands, in one sentence."""
    failed = next((gate for gate in gates if not gate.passed), None)
    if failed is None:
        return newest.verdict
    shown = "the last good ones stay" if decision == "keep" else f"{learning.baseline_name} are shown"
    return f"scores refused, {shown}: {failed.message}"


def fingerprint_of(samples: Samples, code: str) -> str:
    """Hash of everything that a training depends on."""
    parts = f"{code} {samples.horizon_days} {samples.names} {sorted(samples.cutoffs.items())}"
    digest = hashlib.sha256(parts.encode())
    for array in (samples.x, samples.y, samples.cutoff, samples.customer, samples.weight, samples.exposure):
        digest.update(array.tobytes())
    return digest.hexdigest()


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
