"""Train, choose, judge: candidates learn on past cut-offs, are chosen on a later one and reported on the last.

The last cut-off whose window is over (`report`) is looked at once, by the candidate that was chosen on the
cut-off one horizon before it (`select`); each learns only from windows that were over by then. Whether it is better
than observed rates is told by it and up to two finished windows before it that do not overlap. What is published is
learned again from every window that is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models_ml.churn.model import RECENCY, Additive, AdditiveBoosting, ChurnModel, RankLogistic, RecencyRates
from models_ml.common.drift import psi
from models_ml.common.gates import (
    Gate,
    beats_baseline,
    calibrated,
    complete,
    plausible,
    stable_ranking,
    stable_scores,
)
from models_ml.common.metrics import METRICS, Measured, measure, paired_difference
from models_ml.common.types import Floats, Ints

KEYS = ("cutoff_no", "customer_key")
STEPS_PER_HORIZON = 2  # cut-offs lie half a horizon apart
MIN_CUSTOMERS, MIN_CLASS = 100, 20  # at the reporting cut-off; below, a metric says nothing
BASELINE = "recency rule"
WINDOWS = 3  # finished ones that the comparison with observed rates is pooled over
# How far probabilities may be off, beyond chance: more among those who still buy, whose behaviour moves the most.
MOST_OFF, MOST_OFF_BUYING = 0.05, 0.08
# Gates that say how far to believe a figure, and not that another one is better.
SOFT = ("calibrated", "calibrated_buying", "stable_ranking")


@dataclass(frozen=True)
class Cutoff:
    """A day at which customers are looked at.

    Args:
        no: half horizons before as_of.
        day: last day that counts for features.
        is_labelled: whether its window is over.
        season: log of purchase days after ÷ before, once the window is over.
        season_year_ago: log of the same ratio a year earlier.
    """

    no: int
    day: dt.date
    is_labelled: bool
    season: float | None
    season_year_ago: float | None


@dataclass(frozen=True)
class Samples:
    """Customers at cut-offs: `x` (n, f) with NaN for missing, `y` (n,) with NaN where the window is open."""

    names: list[str]
    x: Floats
    y: Floats
    cutoff: Ints
    customer: Ints
    cutoffs: dict[int, Cutoff]
    horizon_days: int
    notes: list[str] = field(default_factory=list)

    def rows(self, low: int, high: int | None = None) -> Any:
        """Which rows lie at cut-offs from number `low` to `high`, both included."""
        return (self.cutoff >= low) & (self.cutoff <= (high if high is not None else self.cutoff.max(initial=0)))

    def column(self, name: str) -> Floats:
        """One feature."""
        found: Floats = self.x[:, self.names.index(name)]
        return found

    def usable(self, rows: Any) -> list[str]:
        """Features that have at least two values among the rows."""
        return [
            name for i, name in enumerate(self.names) if len(np.unique(self.x[rows, i][~np.isnan(self.x[rows, i])])) > 1
        ]

    def of(self, names: Sequence[str], rows: Any) -> Floats:
        """(m, k) values of some features in some rows."""
        found: Floats = self.x[rows][:, [self.names.index(name) for name in names]]
        return found


def samples_of(features: pd.DataFrame, labels: pd.DataFrame, cutoffs: pd.DataFrame) -> Samples:
    """Samples from the tables of the feature layer; infinite values count as missing, and are noted.

    Args:
        features: one row per cutoff_no and customer_key; every other column is a feature.
        labels: cutoff_no, customer_key, churned.
        cutoffs: cutoff_no, cut_off, horizon_days, is_labelled, season, season_year_ago.
    """
    names = [name for name in features.columns if name not in KEYS]
    joined = features.sort_values(list(KEYS)).merge(labels, on=list(KEYS), how="left", validate="one_to_one")
    x = joined[names].to_numpy(dtype=float, na_value=np.nan)
    notes = [
        f"{int(count)} infinite values of {name} count as missing"
        for name, count in zip(names, np.isinf(x).sum(axis=0), strict=True)
        if count
    ]
    x[np.isinf(x)] = np.nan

    def log(value: Any) -> float | None:
        return float(np.log(value)) if value is not None and np.isfinite(value) and value > 0 else None

    known = {
        int(row["cutoff_no"]): Cutoff(
            int(row["cutoff_no"]), pd.Timestamp(row["cut_off"]).date(), bool(row["is_labelled"]),
            log(row["season"]), log(row["season_year_ago"]),
        )
        for row in cutoffs.to_dict("records")
    }  # fmt: skip
    return Samples(
        names, x, joined["churned"].to_numpy(dtype=float, na_value=np.nan),
        joined["cutoff_no"].to_numpy(dtype=np.int64), joined["customer_key"].to_numpy(dtype=np.int64), known,
        int(cutoffs["horizon_days"].iloc[0]), notes,
    )  # fmt: skip


def season_forecast(cutoffs: dict[int, Cutoff], at: int) -> float | None:
    """Log season of the window after a cut-off, as it could be told on that day.

    The same days a year earlier, moved by half of how far the last finished window was off the year before it:
    a damped trend (Gardner and McKenzie 1985). None without a year of history.
    """
    own = cutoffs[at].season_year_ago
    if own is None:
        return None
    for number in sorted(n for n in cutoffs if n >= at + STEPS_PER_HORIZON):
        last = cutoffs[number]
        if last.season is not None and last.season_year_ago is not None:
            return own + (last.season - last.season_year_ago) / 2
    return own


def candidates() -> dict[str, Additive]:
    """Estimators to choose from, the simplest first."""
    return {"logistic regression": RankLogistic(), "boosting": AdditiveBoosting()}


def fit(kind: str, estimator: Additive, samples: Samples, rows: Any) -> ChurnModel:
    """Fit an estimator on rows; it reads the features that vary there."""
    names = samples.usable(rows)
    if RECENCY not in names:
        names = [RECENCY, *names]
    if isinstance(estimator, RecencyRates):
        names = [RECENCY]
    estimator.fit(samples.of(names, rows), samples.y[rows])
    seasons = [samples.cutoffs[int(no)].season for no in samples.cutoff[rows]]
    known = [season for season in seasons if season is not None]
    seasonal = known and not isinstance(estimator, RecencyRates)  # observed rates stay as observed
    return ChurnModel(kind, estimator, names, season=float(np.mean(known)) if seasonal else None)


def predict(model: ChurnModel, samples: Samples, at: int) -> Floats:
    """Probabilities of the customers at a cut-off, with the season as it could be told then."""
    rows = samples.cutoff == at
    return model.probability(samples.of(model.names, rows), season_forecast(samples.cutoffs, at))


def odds_at(model: ChurnModel, samples: Samples, at: int) -> Floats:
    """Log-odds of a cut-off's customers, to six places: last bits must not move a customer across a bin's edge."""
    return model.log_odds(samples.of(model.names, samples.cutoff == at)).round(6)


@dataclass
class Training:
    """What a training found.

    Args:
        verdict: in one sentence.
        model: learned from everything, to score with; None where there is not enough data.
        baseline: the recency rule, learned from everything; None where no window is over.
        gates: verdicts at the reporting cut-off; empty where there is not enough data.
        metrics: estimator → metric → value and interval, at the reporting cut-off.
        still_buying: the same for customers who bought within the horizon before it.
        selection: estimator → log-loss on the selection cut-off.
        report: y and each estimator's p at the reporting cut-off, for the card's plots.
        feature_psi: feature → how far it moved from training to as_of.
    """

    verdict: str
    rows: int = 0
    customers: int = 0
    cutoffs: list[int] = field(default_factory=list)
    base_rate: float = float("nan")
    model: ChurnModel | None = None
    baseline: ChurnModel | None = None
    champion: str = ""
    gates: list[Gate] = field(default_factory=list)
    metrics: dict[str, dict[str, Measured]] = field(default_factory=dict)
    still_buying: dict[str, dict[str, Measured]] = field(default_factory=dict)
    selection: dict[str, float] = field(default_factory=dict)
    report: dict[str, Floats] = field(default_factory=dict)
    feature_psi: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """passed; provisional: its order is better than observed rates', its probabilities may be off; refused; or
        not_enough_data."""
        if self.model is None:
            return "not_enough_data"
        failed = {gate.name for gate in self.gates if not gate.passed}
        if not failed:
            return "passed"
        return "provisional" if failed <= set(SOFT) else "refused"

    def judge(self) -> None:
        """Say the gates' verdict in one sentence."""
        failed = [gate for gate in self.gates if not gate.passed]
        firm = [gate for gate in failed if gate.name not in SOFT]
        if not failed:
            self.verdict = f"{self.champion} passed every gate"
        elif firm:
            self.verdict = f"{self.champion} refused: {firm[0].message}"
        else:
            self.verdict = f"{self.champion} is provisional, better in order than observed rates: {failed[0].message}"


@dataclass(frozen=True)
class Window:
    """A finished window: y (n,), each estimator's p (n,), customer (n,), and who had bought within the horizon."""

    y: Floats
    p: dict[str, Floats]
    customer: Ints
    buying: Any


def choose(samples: Samples, report: int) -> tuple[dict[str, float], str, tuple[Floats, Floats]]:
    """The candidate to report on: by log-loss on earlier customers, ties to the simpler.

    Learns on windows that were over at the selection cut-off; where there are none, on two thirds of the
    customers, and is judged on the others.

    Returns:
        Log-loss of each, the chosen one, and y and its p there.
    """
    select = report + STEPS_PER_HORIZON
    known = np.isfinite(samples.y)
    learn, judge = samples.rows(select + STEPS_PER_HORIZON) & known, (samples.cutoff == select) & known
    if not learn.any() or len(np.unique(samples.y[learn])) < 2:
        third = samples.customer % 3 == 0
        learn, judge = samples.rows(select) & known & ~third, samples.rows(select) & known & third
    y = samples.y[judge]
    p: dict[str, Floats] = {}
    for kind, estimator in candidates().items():
        model = fit(kind, estimator, samples, learn)
        p[kind] = np.empty(len(y))
        for no in np.unique(samples.cutoff[judge]):
            part = samples.cutoff == no
            p[kind][samples.cutoff[judge] == no] = predict(model, samples, int(no))[judge[part]]
    chosen = next(iter(p))
    for kind in list(p)[1:]:
        difference, error = paired_difference("log_loss", y, p[kind], p[chosen])
        if difference < -error:
            chosen = kind
    ones = np.ones(len(y))
    return {kind: METRICS["log_loss"](y, q, ones) for kind, q in p.items()}, chosen, (y, p[chosen])


def out_of_time(samples: Samples, at: int, kinds: Sequence[str]) -> Window | None:
    """A finished window as estimators tell it that learned only from windows over by its cut-off; None without any."""
    learn, judge = samples.rows(at + STEPS_PER_HORIZON) & np.isfinite(samples.y), samples.cutoff == at
    y = samples.y[judge]
    for labels in (samples.y[learn], y):
        if len(labels) < MIN_CUSTOMERS or min(np.bincount(labels.astype(int), minlength=2)) < MIN_CLASS:
            return None
    estimators = candidates() | {BASELINE: RecencyRates()}
    p = {kind: predict(fit(kind, estimators[kind], samples, learn), samples, at) for kind in kinds}
    return Window(y, p, samples.customer[judge], samples.column(RECENCY)[judge] <= samples.horizon_days)


def earlier_windows(samples: Samples, report: int, champion: str) -> list[Window]:
    """Up to two finished windows before the reporting one; none overlaps another."""
    steps = range(1, WINDOWS)
    found = (
        out_of_time(samples, report + step * STEPS_PER_HORIZON, (champion, BASELINE))
        for step in steps
        if report + step * STEPS_PER_HORIZON in samples.cutoffs
    )
    return [window for window in found if window is not None]


def gates_of(windows: Sequence[Window], champion: str) -> list[Gate]:
    """Better than observed rates over all windows, and how right the probabilities are in the newest, `windows[0]`;
    each also among those who had bought within the horizon, where there are enough."""
    everybody = [np.ones(len(window.y), dtype=bool) for window in windows]
    gates = []
    for suffix, most, chosen in (
        ("", MOST_OFF, everybody),
        ("_buying", MOST_OFF_BUYING, [window.buying for window in windows]),
    ):
        y, customer, p, rule = (
            np.concatenate([values[rows] for values, rows in zip(parts, chosen, strict=True)])
            for parts in (
                [w.y for w in windows], [w.customer for w in windows], [w.p[champion] for w in windows],
                [w.p[BASELINE] for w in windows],
            )
        )  # fmt: skip
        newest = int(chosen[0].sum())
        if newest < MIN_CUSTOMERS or min(np.bincount(y[:newest].astype(int), minlength=2)) < MIN_CLASS:
            continue
        gates += [
            beats_baseline(f"beats_baseline{suffix}", y, p, {BASELINE: rule}, customer),
            calibrated(f"calibrated{suffix}", y[:newest], p[:newest], most),
        ]
    return gates


def unused(samples: Samples, model: ChurnModel) -> list[str]:
    """Features that say nothing, as notes."""
    left = [name for name in samples.names if name not in model.names]
    return [f"without two different values, left out: {', '.join(left)}"] if left else []


def lacking(samples: Samples) -> str | None:
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
        ones = int(y.sum())
        if len(y) < MIN_CUSTOMERS:
            return f"{len(y)} customers at the {name} cut-offs, at least {MIN_CUSTOMERS} are needed"
        if min(ones, len(y) - ones) < MIN_CLASS:
            return f"{ones} of {len(y)} customers churned at the {name} cut-offs; {MIN_CLASS} of each kind are needed"
    if not samples.usable(samples.rows(training[0])):
        return "no feature has more than one value"
    return None


def observed_rates(samples: Samples) -> ChurnModel | None:
    """The recency rule, learned from every window that is over; None where nothing can be observed."""
    known = np.isfinite(samples.y)
    if len(np.unique(samples.y[known])) < 2:
        return None
    return fit(BASELINE, RecencyRates(), samples, known)


def train(samples: Samples) -> Training:
    """Train on the samples; never fails for want of data, but says so."""
    labelled = sorted(no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled)
    known = np.isfinite(samples.y)
    baseline = observed_rates(samples)
    reason = lacking(samples)
    if reason:
        return Training(
            f"not enough data to train: {reason}; "
            + ("observed rates used" if baseline else "nothing can be observed, so nothing is published"),
            rows=int(known.sum()), customers=len(np.unique(samples.customer)), baseline=baseline, notes=samples.notes,
        )  # fmt: skip
    report = labelled[0]
    learn = samples.rows(report + STEPS_PER_HORIZON) & known
    selection, champion, selected = choose(samples, report)
    newest = out_of_time(samples, report, (*candidates(), BASELINE))
    assert newest is not None  # `lacking` has seen to it
    y, p, buying = newest.y, newest.p, newest.buying
    final = fit(champion, candidates()[champion], samples, known)
    training = Training(
        verdict="",
        rows=int(known.sum()),
        customers=len(np.unique(samples.customer)),
        cutoffs=labelled,
        base_rate=float(y.mean()),
        model=final,
        baseline=baseline,
        champion=champion,
        gates=[
            *gates_of([newest, *earlier_windows(samples, report, champion)], champion),
            plausible(y, p[champion]),
            stable_ranking(selected, (y, p[champion])),
            complete(predict(final, samples, 0)),
            stable_scores(odds_at(final, samples, report), odds_at(final, samples, 0)),
        ],
        metrics={kind: measure(y, q) for kind, q in p.items()},
        still_buying={kind: measure(y[buying], q[buying]) for kind, q in p.items()} if buying.any() else {},
        selection=selection,
        report={"y": y} | p,
        feature_psi={
            name: psi(samples.of([name], learn)[:, 0], samples.of([name], samples.cutoff == 0)[:, 0])
            for name in final.names
        },
        notes=[*samples.notes, *unused(samples, final)],
    )
    training.judge()
    return training
