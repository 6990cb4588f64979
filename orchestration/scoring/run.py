"""The scoring step: every score that is declared, in order, into the tables of schema `scores`."""

from __future__ import annotations

import datetime as dt

from models_ml.common.declare import Table
from orchestration.landing.lake import Lake
from orchestration.scoring import registry
from orchestration.scoring.columns import MODEL_TABLES, ddl, tables_of
from orchestration.scoring.formula import run_formula
from orchestration.scoring.history import read_runs
from orchestration.scoring.learned import run_learned
from orchestration.scoring.policy import History, kept_horizon
from orchestration.scoring.step import Scored, Step


def run_scores(step: Step) -> Scored:
    """Score, the score whose horizon the features have first; writes the tables of schema `scores`.

    Where `horizon_wanted` is set, nothing else was done: the features are to be built with it, and scored again.
    """
    step.con.execute("create schema if not exists scores")
    for table in tables().values():
        step.con.execute(f"create or replace table scores.{table.name} ({ddl(table.columns)})")
    scored = Scored()
    for score in registry.scores().values():
        (run_learned if score.learning else run_formula)(step, score, scored)
        if scored.horizon_wanted:
            return scored
    for name in tables():
        count = step.con.execute(f"select count(*) from scores.{name}").fetchone()
        scored.rows[name] = int(count[0]) if count else 0
    return scored


def tables() -> dict[str, Table]:
    """Every table of schema `scores`, by name."""
    own = {name: table for score in registry.scores().values() for name, table in tables_of(score).items()}
    return own | MODEL_TABLES


def horizon_in_use(lake: Lake, as_of: dt.date) -> tuple[int | None, bool]:
    """The horizon of the model that leads it, and whether another may be tried; see `policy.kept_horizon`."""
    score = registry.leader()
    if score is None:
        return None, True
    attempts = [run.attempt for run in read_runs(lake, score.name, as_of)]
    return kept_horizon(History(as_of, registry.code_of(score.name), 0, (), attempts))
