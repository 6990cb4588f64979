"""Train, choose, judge: candidates learn on past cut-offs, are chosen on a later one and reported on the last.

The last cut-off whose window is over (`report`) is looked at once, by the candidate that was chosen on the
cut-off one horizon before it (`select`); each learns only from windows that were over by then. Whether it is better
than the baselines is told by it and up to two finished windows before it that do not overlap. What is published is
learned again from every window that is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models_ml.common.declare import Learning
from models_ml.common.drift import psi
from models_ml.common.fitted import Fitted, fit, predict, scale_at
from models_ml.common.gates import Gate
from models_ml.common.judge import PASSED, PROVISIONAL, Judged, Window, gates_of, is_soft, standing
from models_ml.common.metrics import Measured, Metric, measure, paired_difference
from models_ml.common.samples import STEPS_PER_HORIZON, Samples
from models_ml.common.targets import MIN_UNITS, target_of
from models_ml.common.types import Floats

NOT_ENOUGH = "not_enough_data"
WINDOWS = 3  # finished ones that the comparison with the baselines is pooled over


@dataclass
class Training:
    """What a training found.

    Args:
        verdict: in one sentence.
        model: learned from everything, to score with; None where there is not enough data.
        baseline: the rule that is shown instead, learned from everything; None where no window is over.
        gates: verdicts at the reporting cut-off; empty where there is not enough data.
        metrics: estimator → metric → value and interval, at the reporting cut-off.
        part_metrics: the same for the part that is judged by itself.
        selection: estimator → loss on the selection cut-off.
        report: y and each estimator's p at the reporting cut-off, for the card's plots.
        feature_psi: feature → how far it moved from training to as_of.
    """

    verdict: str
    learning: Learning
    rows: int = 0
    customers: int = 0
    cutoffs: list[int] = field(default_factory=list)
    base_rate: float = float("nan")
    model: Fitted | None = None
    baseline: Fitted | None = None
    champion: str = ""
    gates: list[Gate] = field(default_factory=list)
    metrics: dict[str, dict[str, Measured]] = field(default_factory=dict)
    part_metrics: dict[str, dict[str, Measured]] = field(default_factory=dict)
    selection: dict[str, float] = field(default_factory=dict)
    report: dict[str, Floats] = field(default_factory=dict)
    feature_psi: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """passed; provisional: its order is better than the baseline's, its figures may be off; refused; or
        not_enough_data."""
        return NOT_ENOUGH if self.model is None else standing(self.gates, self.learning.part)

    def judge(self) -> None:
        """Say the gates' verdict in one sentence."""
        failed = [gate for gate in self.gates if not gate.passed]
        firm = [gate for gate in failed if not is_soft(gate.name, self.learning.part)]
        if self.status == PASSED:
            self.verdict = f"{self.champion} passed every gate"
        elif self.status == PROVISIONAL:
            self.verdict = (
                f"{self.champion} is provisional, better in order than {self.learning.baseline_name}: "
                f"{failed[0].message}"
            )
        else:
            self.verdict = f"{self.champion} refused: {firm[0].message}"


def metrics_of(learning: Learning) -> dict[str, Metric]:
    """The metrics that the score declares; every one of its kind where it names none."""
    known = target_of(learning.kind).metrics
    return {name: known[name] for name in learning.metrics or known}


def choose(samples: Samples, learning: Learning, report: int) -> tuple[dict[str, float], str, tuple[Floats, Floats]]:
    """The candidate to report on: by its loss on earlier customers, ties to the simpler.

    Learns on windows that were over at the selection cut-off; where there are none, on two thirds of the
    customers, and is judged on the others.

    Returns:
        Loss of each, the chosen one, and y and its p there.
    """
    select = report + STEPS_PER_HORIZON
    known, target = samples.is_known, target_of(learning.kind)
    loss = target.metrics[learning.loss or target.loss]
    learn, judge = samples.rows(select + STEPS_PER_HORIZON) & known, (samples.cutoff == select) & known
    if not learn.any() or len(np.unique(samples.y[learn])) < 2:
        third = samples.customer % 3 == 0
        learn, judge = samples.rows(select) & known & ~third, samples.rows(select) & known & third
    y = samples.y[judge]
    p: dict[str, Floats] = {}
    for name in learning.candidates:
        model = fit(name, learning, samples, learn)
        for no in np.unique(samples.cutoff[judge]):
            part = samples.cutoff == no
            told = predict(model, samples, int(no))[judge[part]]
            p.setdefault(name, np.empty((len(y), *told.shape[1:])))[samples.cutoff[judge] == no] = told
    chosen = next(iter(p))
    for name in list(p)[1:]:
        difference, error = paired_difference(loss, y, p[name], p[chosen])
        if difference < -error:
            chosen = name
    weight = samples.weight[judge]
    return {name: loss(y, q, weight) for name, q in p.items()}, chosen, (y, p[chosen])


def out_of_time(samples: Samples, learning: Learning, at: int, names: Sequence[str]) -> Window | None:
    """A finished window as estimators tell it that learned only from windows over by its cut-off; None without any."""
    learn, judge = samples.rows(at + STEPS_PER_HORIZON) & samples.is_known, samples.cutoff == at
    target = target_of(learning.kind)
    judge &= samples.is_known
    y = samples.y[judge]
    if not target.is_enough(samples.y[learn]) or not target.is_enough(y):
        return None
    known = samples.is_known[samples.cutoff == at]
    p = {name: predict(fit(name, learning, samples, learn), samples, at)[known] for name in names}
    return Window(y, p, samples.customer[judge], samples.weight[judge], part_of(samples, learning, judge))


def part_of(samples: Samples, learning: Learning, rows: Any) -> Any:
    """Which of the rows are in the part that is judged by itself; None where there is none."""
    if learning.part is None:
        return None
    return samples.column(learning.part.feature)[rows] <= learning.part.horizons * samples.horizon_days


def earlier_windows(samples: Samples, learning: Learning, report: int, names: Sequence[str]) -> list[Window]:
    """Up to two finished windows before the reporting one; none overlaps another."""
    found = (
        out_of_time(samples, learning, report + step * STEPS_PER_HORIZON, names)
        for step in range(1, WINDOWS)
        if report + step * STEPS_PER_HORIZON in samples.cutoffs
    )
    return [window for window in found if window is not None]


def unused(samples: Samples, model: Fitted) -> list[str]:
    """Features that say nothing, as notes."""
    left = [name for name in samples.names if name not in model.names]
    return [f"without two different values, left out: {', '.join(left)}"] if left else []


def lacking(samples: Samples, learning: Learning) -> str | None:
    """Why there is not enough data to train, in words; None where there is."""
    labelled = sorted(no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled)
    if not labelled:
        return "no window after a cut-off is over yet"
    report = labelled[0]
    training = [no for no in labelled if no >= report + STEPS_PER_HORIZON]
    if not training:
        return "the history is too short for a window to learn from and one to report on"
    for name, rows in (("reporting", samples.cutoff == report), ("training", samples.rows(training[0]))):
        y = samples.y[rows]
        y = y[np.isfinite(y)]
        if len(y) < MIN_UNITS:
            return f"{len(y)} customers at the {name} cut-offs, at least {MIN_UNITS} are needed"
        if few := target_of(learning.kind).lacking(y):
            return few.replace("{outcome}", f"customers {learning.outcome} at the {name} cut-offs")
    if not samples.usable(samples.rows(training[0])):
        return "no feature has more than one value"
    return None


def observed(samples: Samples, learning: Learning) -> Fitted | None:
    """The first baseline, learned from every window that is over; None where nothing can be observed."""
    known = samples.is_known
    if len(np.unique(samples.y[known])) < 2:
        return None
    return fit(next(iter(learning.baselines)), learning, samples, known)


def train(samples: Samples, learning: Learning, is_measured: bool = True) -> Training:
    """Train on the samples; never fails for want of data, but says so.

    Args:
        samples: known by now.
        learning: what the score declares.
        is_measured: with metrics and their intervals for the card, which no gate reads.
    """
    labelled = sorted(no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled)
    known = samples.is_known
    baseline = observed(samples, learning)
    customers = len(np.unique(samples.customer))
    reason = lacking(samples, learning)
    if reason:
        return Training(
            f"not enough data to train: {reason}; "
            + (f"{learning.baseline_name} used" if baseline else "nothing can be observed, so nothing is published"),
            learning, rows=int(known.sum()), customers=customers, baseline=baseline, notes=samples.notes,
        )  # fmt: skip
    report = labelled[0]
    learn = samples.rows(report + STEPS_PER_HORIZON) & known
    selection, champion, selected = choose(samples, learning, report)
    newest = out_of_time(samples, learning, report, (*learning.candidates, *learning.baselines))
    assert newest is not None  # `lacking` has seen to it
    final = fit(champion, learning, samples, known)
    windows = [newest, *earlier_windows(samples, learning, report, (champion, *learning.baselines))]
    judged = Judged(
        target_of(learning.kind), windows, champion, tuple(learning.baselines), selected, predict(final, samples, 0),
        scale_at(final, samples, report), scale_at(final, samples, 0), learning.bounds, learning.part,
    )  # fmt: skip
    training = Training(
        verdict="",
        learning=learning,
        rows=int(known.sum()),
        customers=customers,
        cutoffs=labelled,
        base_rate=float(newest.y.mean()),
        model=final,
        baseline=baseline,
        champion=champion,
        gates=gates_of(judged, learning.gates),
        metrics=measured(newest, learning) if is_measured else {},
        part_metrics=measured(newest.of(newest.part), learning) if is_measured and newest.part is not None else {},
        selection=selection,
        report={"y": newest.y} | newest.p,
        feature_psi=drift_of(final, samples, learn),
        notes=[*samples.notes, *unused(samples, final)],
    )
    training.judge()
    return training


def measured(window: Window, learning: Learning) -> dict[str, dict[str, Measured]]:
    """Every estimator's metrics on a window; nothing where it has no rows."""
    metrics = metrics_of(learning)
    return {name: measure(window.y, p, metrics, window.weight) for name, p in window.p.items()} if len(window.y) else {}


def drift_of(model: Fitted, samples: Samples, learn: Any) -> dict[str, float]:
    """Feature → how far it moved from the rows that were learned from to today's."""
    now = samples.cutoff == 0
    return {name: psi(samples.of([name], learn)[:, 0], samples.of([name], now)[:, 0]) for name in model.names}
