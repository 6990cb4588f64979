"""Train, choose, judge: candidates learn on past cut-offs, are chosen on a later one and reported on the last.

The last cut-off whose window is over (`report`) is looked at once, by the candidate that was chosen on the
cut-off one horizon before it (`select`); each learns only from windows that were over by then. What is
published is learned again from every window that is over.
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
from models_ml.common.gates import Gate, calibrated, complete, not_worse, plausible, stable_ranking, stable_scores
from models_ml.common.metrics import METRICS, Measured, auc, measure, paired_difference
from models_ml.common.types import Floats, Ints

KEYS = ("cutoff_no", "customer_key")
STEPS_PER_HORIZON = 2  # cut-offs lie half a horizon apart
MIN_CUSTOMERS, MIN_CLASS = 100, 20  # at the reporting cut-off; below, a metric says nothing
BASELINE = "recency rule"


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
    def passed(self) -> bool:
        """Whether a model was trained and every gate passed."""
        return self.model is not None and bool(self.gates) and all(gate.passed for gate in self.gates)


def choose(samples: Samples, report: int) -> tuple[dict[str, float], str, float]:
    """The candidate to report on: by log-loss on earlier customers, ties to the simpler.

    Learns on windows that were over at the selection cut-off; where there are none, on two thirds of the
    customers, and is judged on the others.

    Returns:
        Log-loss of each, the chosen one, and its AUC.
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
    return {kind: METRICS["log_loss"](y, q, ones) for kind, q in p.items()}, chosen, auc(y, p[chosen], ones)


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


def train(samples: Samples) -> Training:
    """Train on the samples; never fails for want of data, but says so."""
    labelled = sorted(no for no, cutoff in samples.cutoffs.items() if cutoff.is_labelled)
    known = np.isfinite(samples.y)
    baseline = None
    if known.any() and len(np.unique(samples.y[known])) == 2:
        baseline = fit(BASELINE, RecencyRates(), samples, known)
    reason = lacking(samples)
    if reason:
        return Training(
            f"not enough data to train: {reason}; "
            + ("observed rates used" if baseline else "nothing can be observed, so nothing is published"),
            rows=int(known.sum()), customers=len(np.unique(samples.customer)), baseline=baseline, notes=samples.notes,
        )  # fmt: skip
    report = labelled[0]
    learn = samples.rows(report + STEPS_PER_HORIZON) & known
    models = {kind: fit(kind, estimator, samples, learn) for kind, estimator in candidates().items()}
    models[BASELINE] = fit(BASELINE, RecencyRates(), samples, learn)
    selection, champion, earlier = choose(samples, report)
    at = samples.cutoff == report
    y = samples.y[at]
    p = {kind: predict(model, samples, report) for kind, model in models.items()}
    final = fit(champion, candidates()[champion], samples, known)
    now = predict(final, samples, 0)
    gates = [
        *not_worse(y, p[champion], {BASELINE: p[BASELINE]}),
        calibrated(y, p[champion]),
        plausible(y, p[champion]),
        stable_ranking(earlier, auc(y, p[champion], np.ones(len(y)))),
        complete(now),
        stable_scores(odds_at(final, samples, report), odds_at(final, samples, 0)),
    ]
    failed = [gate for gate in gates if not gate.passed]
    buying = samples.column(RECENCY)[at] <= samples.horizon_days
    return Training(
        verdict=f"{champion} passed every gate" if not failed else f"{champion} refused: {failed[0].message}",
        rows=int(known.sum()),
        customers=len(np.unique(samples.customer)),
        cutoffs=labelled,
        base_rate=float(y.mean()),
        model=final,
        baseline=baseline,
        champion=champion,
        gates=gates,
        metrics={kind: measure(y, q) for kind, q in p.items()},
        still_buying={kind: measure(y[buying], q[buying]) for kind, q in p.items()} if buying.any() else {},
        selection=selection,
        report={"y": y} | p,
        feature_psi={
            name: psi(samples.of([name], learn)[:, 0], samples.of([name], samples.cutoff == 0)[:, 0])
            for name in final.names
        },
        notes=[*samples.notes, *unused(samples, final)],
    )  # fmt: skip
