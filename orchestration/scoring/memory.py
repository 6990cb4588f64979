"""Trainings with their artefacts, and score runs: kept in the lake, and read back."""

from __future__ import annotations

import calendar
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.landing.lake import OWN, Lake

MODEL_RUN = "model_run"
KEEP_DAYS = 35  # daily score runs are kept so long, then month-ends
# What became of a training. Provisional: its order is better than observed rates', its probabilities are off.
PASSED, PROVISIONAL, REFUSED, NOT_ENOUGH = "passed", "provisional", "refused", "not_enough_data"

RUN_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("version", pa.string()),
        ("as_of", pa.date32()),
        ("trained_at", pa.timestamp("us")),
        ("status", pa.string()),
        ("verdict", pa.string()),
        ("input_fingerprint", pa.string()),
        ("detail", pa.string()),
        ("artefact", pa.binary()),
    ]
)


@dataclass(frozen=True)
class ModelRun:
    """One training.

    Args:
        model: churn, value.
        version: its name; the same data give the same name.
        as_of: last business day that it learned from.
        trained_at: naive UTC.
        status: passed, provisional, refused or not_enough_data.
        verdict: in one sentence.
        input_fingerprint: of the features and labels.
        detail: everything else that a card shows, as plain data.
        artefact: the model, as skops wrote it; None where there is none.
    """

    model: str
    version: str
    as_of: dt.date
    trained_at: dt.datetime
    status: str
    verdict: str
    input_fingerprint: str
    detail: dict[str, Any]
    artefact: bytes | None = field(repr=False, default=None)

    def row(self) -> dict[str, Any]:
        """As the lake keeps it."""
        return self.__dict__ | {"detail": json.dumps(self.detail, sort_keys=True)}


def read_runs(lake: Lake, model: str, as_of: dt.date) -> list[ModelRun]:
    """Trainings of a model up to a day, the oldest first."""
    files = lake.remembered(MODEL_RUN)
    if not files:
        return []
    with duckdb.connect() as con:
        rows = con.execute(
            f"select {', '.join(RUN_SCHEMA.names)} from read_parquet($files) where model = $model and as_of <= $as_of "
            "order by _load_id",
            {"files": files, "model": model, "as_of": as_of},
        ).fetchall()
    named = [dict(zip(RUN_SCHEMA.names, row, strict=True)) for row in rows]
    return [ModelRun(**row | {"detail": json.loads(row["detail"])}) for row in named]


def remember_run(lake: Lake, run: ModelRun, load_id: str, now: dt.datetime) -> None:
    """Keep a training, unless the same is kept already."""
    if all(run.version != kept.version for kept in read_runs(lake, run.model, run.as_of)):
        lake.remember(MODEL_RUN, pa.Table.from_pylist([run.row()], RUN_SCHEMA), load_id, now)


def remember_scores(lake: Lake, table: str, scores: pa.Table, load_id: str, now: dt.datetime) -> bool:
    """Keep a score run; the same model, day and input add nothing.

    Args:
        lake: the company's.
        table: of the score.
        scores: rows with constant columns model_version, as_of and input_fingerprint.
        load_id: of the run.
        now: its time.
    """
    if not scores.num_rows:
        return False
    key = [scores[name][0].as_py() for name in ("model_version", "as_of", "input_fingerprint")]
    files = lake.remembered(table)
    if files:
        with duckdb.connect() as con:
            found = con.execute(
                "select 1 from read_parquet($files) where model_version = $version and as_of = $as_of "
                "and input_fingerprint = $print limit 1",
                {"files": files, "version": key[0], "as_of": key[1], "print": key[2]},
            ).fetchone()
        if found:
            return False
    return lake.remember(table, scores, load_id, now) is not None


def prune(lake: Lake, table: str, as_of: dt.date) -> int:
    """Delete score runs of days that are neither recent nor the last of a month; returns how many loads went."""
    removed = 0
    for manifest in lake.loads(OWN, table):
        with duckdb.connect() as con:
            found = con.execute(
                "select max(as_of) from read_parquet($files)", {"files": lake.files(manifest)}
            ).fetchone()
        day: dt.date = found[0] if found else as_of
        is_month_end = day.day == calendar.monthrange(day.year, day.month)[1]
        if (as_of - day).days > KEEP_DAYS and not is_month_end:
            lake.drop(manifest)
            removed += 1
    return removed
