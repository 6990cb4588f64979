"""What a score says of itself: `models_ml/<score>/score.py` holds one `Score`, and everything else is read off it.

Nothing here imports a model library: settings, tables, assets and checks are known before one is loaded. What a
declaration needs of its own code it names as `module:object`, and `resolve` imports that when it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["binary", "multiclass", "count", "amount", "uplift"]
SqlType = Literal["bigint", "integer", "double", "varchar", "boolean", "date", "timestamp"]
SqlValue = tuple[SqlType, int | float | str | bool | None]


METRIC_TITLES: Mapping[str, str] = {
    "auc": "AUC", "pr_auc": "PR-AUC", "lift_5": "Lift at 5 %", "lift_10": "Lift at 10 %", "lift_20": "Lift at 20 %",
    "lift_50": "Lift at 50 %", "brier": "Brier score", "log_loss": "Log-loss",
}  # fmt: skip


def metric_title(metric: str) -> str:
    """A metric's name for readers."""
    return METRIC_TITLES.get(metric, metric.replace("_", " ").capitalize())


class Block(BaseModel):
    """A score's settings in `company.yml`: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def sql(self) -> dict[str, SqlValue]:
        """Columns of `audit.refresh_settings` that SQL reads of them, with type and value."""
        return {}


class LearnedBlock(Block):
    """Settings that every learned score has."""

    retrain_after_days: int = Field(default=28, ge=1, description="a refresh trains again when a model is older")


@dataclass(frozen=True)
class Column:
    """A column of a score's table."""

    name: str
    type: SqlType
    description: str
    is_required: bool = False


@dataclass(frozen=True)
class Table:
    """A table beside the score's own, which its formula makes."""

    name: str
    description: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Label:
    """The target is a column of a feature model: a row per cut-off and unit whose outcome is known.

    Args:
        model: the feature model; its columns `weight` and `exposure`, where it has them, count.
        column: the target.
    """

    model: str
    column: str


@dataclass(frozen=True)
class Later:
    """The target is what a feature of the population is one horizon after the cut-off.

    Args:
        feature: a figure that looks back over one horizon, such as purchase days in it.
    """

    feature: str


@dataclass(frozen=True)
class Estimator:
    """An estimator by scikit-learn's conventions.

    Args:
        of: `module:class`.
        features: columns that it reads; empty: every feature that varies.
        options: hyperparameters.
    """

    of: str
    features: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        """A new one, not fitted."""
        return resolve(self.of)(**self.options)


@dataclass(frozen=True)
class Part:
    """A part of the population that must not be worse off: the gates on loss and calibration are asked there, too.

    Args:
        name: ends the gates' names: `beats_baseline_<name>`.
        title: of the population in metrics.
        feature: units whose feature is at most so many horizons are in it.
        horizons: how many.
    """

    name: str
    title: str
    feature: str
    horizons: float = 1.0


@dataclass(frozen=True)
class Learning:
    """How a score is learned, and what it must show before a reader sees it.

    Args:
        kind: of the target; its loss and metrics follow from it unless given.
        population: feature model with a row per cut-off and unit; its other columns are the features.
        cutoffs: feature model of the days at which units are looked at.
        target: where the outcome stands.
        candidates: name → estimator, the simplest first.
        baselines: name → what a model has to beat; the first is shown where no model does.
        classes: of several classes the columns of their probabilities, by class number; empty for other kinds.
        loss: by which candidates are chosen and held against baselines.
        metrics: on the card, with intervals; empty: every one of the kind.
        headline: those that command line and dashboard show; empty: all.
        gates: names of `models_ml.common.judge`.
        bounds: gate → another bound than its own.
        part: a part of the population that is judged by itself, too.
        reasons: module with `reasons(model, samples, at)` and `importance(model, samples, at)`; none by default.
        is_seasonal: whether probabilities of not buying are moved by the season of the coming window.
        leads_horizon: whether the features' horizon is that of this score's champion; one score at most.
        means: what a prediction says, for `{horizon}` days.
        baseline_means: what is shown where no model beats it.
        label: what the outcome is, for `{horizon}` days.
        outcome: what befell those who have it: "20 of 100 customers churned".
        baseline_name: what the baseline is called in a sentence.
    """

    kind: Kind
    population: str
    cutoffs: str
    target: Label | Later
    candidates: Mapping[str, Estimator]
    baselines: Mapping[str, Estimator]
    classes: tuple[str, ...] = ()
    loss: str = ""
    metrics: tuple[str, ...] = ()
    headline: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)
    part: Part | None = None
    reasons: str = ""
    is_seasonal: bool = False
    leads_horizon: bool = False
    means: str = ""
    baseline_means: str = ""
    label: str = ""
    outcome: str = "had the outcome"
    baseline_name: str = "observed rates"


@dataclass(frozen=True)
class Score:
    """A score. Its folder bears its name.

    Args:
        name: of folder, settings block, `scores.<name>` and the lake's `<name>_score`.
        title: for readers.
        description: of its table: "One row per …".
        unit: columns that name what is scored; `customer_key` among them follows merges and splits.
        features: every feature model that it reads. Their SQL and the folder's modules are what identifies its code.
        columns: of the table beside unit and horizon, prediction among them.
        prediction: the column that orders units; of a learned score the estimator's own.
        carried: features that are published beside it.
        learning: how it is learned; None for a formula.
        formula: `module:function` of a score that is not learned: (frames by name, settings) → `Computed`.
        after: scores whose published rows a formula reads.
        tables: made by the formula beside the score.
        settings: its block in `company.yml`.
        mart: the hand-written mart that publishes it; empty: `marts.<name>` is generated.
    """

    name: str
    title: str
    description: str
    unit: tuple[str, ...]
    features: tuple[str, ...]
    columns: tuple[Column, ...]
    prediction: str
    carried: tuple[str, ...] = ()
    learning: Learning | None = None
    formula: str = ""
    after: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    settings: type[Block] = Block
    mart: str = ""

    @property
    def predictions(self) -> tuple[str, ...]:
        """Columns that a model fills: the prediction, or one for each class."""
        return (self.learning.classes if self.learning else ()) or (self.prediction,)

    @property
    def published_as(self) -> str:
        """The mart that readers see."""
        return self.mart or self.name

    @property
    def remembered_as(self) -> str:
        """The lake's table of its score runs."""
        return f"{self.name}_score"


def resolve(name: str) -> Any:
    """What `module:object`, or a module's name, names.

    Raises:
        ValueError: there is no such module or object.
    """
    module, _, attribute = name.partition(":")
    try:
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name}: {error}") from error
