"""What the scoring of one refresh is given, and what it says it did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from models_ml.common.declare import Score
from orchestration.config.company import CompanyConfig
from orchestration.landing.lake import Lake
from orchestration.platform.paths import CompanyPaths
from orchestration.scoring.history import prune, remember_scores
from orchestration.scoring.policy import NOT_ENOUGH

if TYPE_CHECKING:
    import pandas as pd

    from models_ml.common.gates import Gate


@dataclass
class Scored:
    """What the step did, for Dagster, the journal and `regulars status`.

    Args:
        models: one row per score: name, version, status, message, scores_as_of.
        gates: score → verdicts on the newest model or the newest scores.
        rows: rows of the tables of schema `scores`.
        horizon_wanted: the features are to be built again with this horizon, and scored then: another one was tried,
            and the model in use keeps its own.
    """

    models: list[dict[str, Any]] = field(default_factory=list)
    gates: dict[str, list[Gate]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    horizon_wanted: int | None = None


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

    def frame(self, sql: str) -> pd.DataFrame:
        """A query as a frame."""
        return self.con.execute(sql).df()

    def insert(self, table: str, rows: Iterable[Mapping[Any, Any]]) -> None:
        """Add rows to a table of `scores`, by name."""
        import pandas as pd

        frame = pd.DataFrame(list(rows))
        if len(frame):
            self.con.register("new_rows", pa.Table.from_pandas(frame, preserve_index=False))
            self.con.execute(f"insert into scores.{table} by name select * from new_rows")
            self.con.unregister("new_rows")

    def keep_scores(self, score: Score, rows: pd.DataFrame) -> None:
        """Put a score run into the lake, and let old ones go."""
        if self.keep:
            table = pa.Table.from_pandas(rows, preserve_index=False)
            remember_scores(self.lake, score.remembered_as, table, self.run_id, self.now)
            prune(self.lake, score.remembered_as, self.as_of)

    def nobody(self, score: Score) -> dict[str, Any]:
        """The state of a score in a company without anybody to score."""
        message = "nobody has bought yet: nothing to score"
        row = {"model": score.name, "version": "none", "status": NOT_ENOUGH, "is_current": False, "message": message,
               "training_rows": 0, "customers": 0}  # fmt: skip
        self.insert("model_run", [row])
        return row | {"scores_as_of": None}
