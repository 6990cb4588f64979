"""The scores that there are: every folder of `models_ml` whose `score.py` declares one.

Nothing else in the project lists them. Assets and checks, the sources and marts that dbt knows them by, the settings
of `company.yml`, `regulars models` and the page Models are all read off these declarations.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import models_ml
from models_ml.common.declare import Label, Learning, Score, metric_title
from orchestration.platform.errors import RegularsError
from orchestration.platform.paths import DBT_PROJECT, PROJECT
from orchestration.scoring.columns import ADDED, MODEL_TABLES

__all__ = ["Learning", "Score", "metric_title", "scores"]  # what pages read, who do not know models_ml

NAME = re.compile(r"[a-z][a-z0-9_]*")
MODULE, OBJECT = "score", "SCORE"
FEATURES = DBT_PROJECT / "models" / "features"
Wrong = Callable[[str, object, str], "DeclarationError"]


class DeclarationError(RegularsError):
    """A score declares what cannot be."""


@functools.cache
def scores() -> Mapping[str, Score]:
    """Every score by name; one that another's formula reads stands before it.

    Raises:
        DeclarationError: a declaration contradicts itself or another; says file and field.
    """
    found: dict[str, Score] = {}
    for module in pkgutil.iter_modules(models_ml.__path__):
        path = f"models_ml.{module.name}.{MODULE}"
        if module.ispkg and importlib.util.find_spec(path) is not None:
            found[module.name] = declared(module.name, getattr(importlib.import_module(path), OBJECT, None))
    leaders = [name for name, score in found.items() if leads(score)]
    if len(leaders) > 1:
        raise DeclarationError(f"leads_horizon of {', '.join(leaders)}: expected: of one score at most")
    names = [name for score in found.values() for name in (score.name, *(table.name for table in score.tables))]
    names += MODEL_TABLES
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeclarationError(f"tables {', '.join(twice)} of scores: expected: each declared once")
    return MappingProxyType(in_order(found))


def declared(folder: str, score: object) -> Score:
    """A folder's declaration, checked.

    Raises:
        DeclarationError: says file, field, value and what was expected.
    """
    file = f"models_ml/{folder}/{MODULE}.py"

    def wrong(field: str, value: object, expected: str) -> DeclarationError:
        return DeclarationError(f"{file}: field '{field}': value '{value}': expected: {expected}")

    if not isinstance(score, Score):
        raise DeclarationError(f"{file}: expected: {OBJECT}, a Score of models_ml.common.declare")
    if score.name != folder or not NAME.fullmatch(score.name):
        raise wrong("name", score.name, f"{folder}, the folder's name, in snake case")
    if (score.learning is None) == (not score.formula):
        raise wrong("formula", score.formula, "either learning or a formula")
    if not score.description.startswith("One row per"):
        raise wrong("description", score.description, 'a sentence that begins with "One row per"')
    columns = [column.name for column in score.columns]
    taken = [*columns, *score.unit, *(c.name for c in ADDED)]
    if len(set(taken)) < len(taken):
        raise wrong("columns", ", ".join(sorted(columns)), "names that unit and score run do not have")
    for field, wanted in (("prediction", (score.prediction,)), ("carried", score.carried)):
        for name in wanted:
            if name not in columns:
                raise wrong(field, name, f"one of the columns {', '.join(columns)}")
    for name in score.features:
        if not feature_file(name):
            raise wrong("features", name, "a model of dbt_project/models/features")
    if score.learning:
        check_learning(score, score.learning, wrong)
    return score


def check_learning(score: Score, learning: Learning, wrong: Wrong) -> None:
    """Names in a learned score's declaration name something.

    Raises:
        DeclarationError: says file, field, value and what was expected.
    """
    models = [learning.population, learning.cutoffs]
    models += [learning.target.model] if isinstance(learning.target, Label) else []
    for name in models:
        if name not in score.features:
            raise wrong("features", ", ".join(score.features), f"{name} among them")
    if not learning.candidates or not learning.baselines:
        raise wrong("candidates", ", ".join(learning.candidates), "one candidate and one baseline at least")
    if twice := set(learning.candidates) & set(learning.baselines):
        raise wrong("baselines", ", ".join(twice), "other names than the candidates'")


def in_order(found: Mapping[str, Score]) -> dict[str, Score]:
    """Scores after those that they read; of the same rank the one that leads the horizon first, then by name.

    Raises:
        DeclarationError: a score reads one that there is not, or itself by a detour.
    """
    ordered: dict[str, Score] = {}
    left = dict(sorted(found.items(), key=lambda item: (not leads(item[1]), item[0])))
    while left:
        ready = [name for name, score in left.items() if set(score.after) <= set(ordered)]
        if not ready:
            name, score = next(iter(left.items()))
            raise DeclarationError(
                f"models_ml/{name}/{MODULE}.py: field 'after': value '{', '.join(score.after)}': expected: scores that "
                "there are, and that do not read this one"
            )
        ordered |= {name: left.pop(name) for name in ready}
    return ordered


def learned() -> dict[str, Score]:
    """The scores that are learned."""
    return {name: score for name, score in scores().items() if score.learning}


def headline(learning: Learning) -> tuple[str, ...]:
    """The metrics that command line and dashboard show; empty: all that there are."""
    return learning.headline or learning.metrics


def leads(score: Score) -> bool:
    """Whether the features have the horizon of this score's champion."""
    return score.learning is not None and score.learning.leads_horizon


def leader() -> Score | None:
    """The score whose champion's horizon the features have."""
    return next(filter(leads, scores().values()), None)


@functools.cache
def feature_file(name: str) -> str | None:
    """Path of a feature model's SQL within the project, wherever below the features' folder it lies."""
    found = next(FEATURES.rglob(f"{name}.sql"), None)
    return str(found.relative_to(PROJECT)) if found else None


@functools.cache
def code_of(name: str) -> str:
    """Hash of what makes a score's features and models out of data: their SQL, its modules and those that all share."""
    score = scores()[name]
    files = [PROJECT / path for path in map(feature_file, score.features) if path]
    files += [path for folder in (name, "common") for path in (PROJECT / "models_ml" / folder).glob("*.py")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
