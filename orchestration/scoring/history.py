"""A score's history: trainings with their artefacts, and score runs, kept in the lake and read back."""

from __future__ import annotations

import calendar
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from models_ml.common.declare import Score
from orchestration.landing.lake import OWN, Lake
from orchestration.scoring.columns import ddl, run_columns
from orchestration.scoring.policy import Attempt

if TYPE_CHECKING:
    import pandas as pd

MODEL_RUN = "model_run"
KEEP_DAYS = 35  # daily score runs are kept so long, then month-ends
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
        model: the score.
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

    @property
    def attempt(self) -> Attempt:
        """As the policy sees it."""
        detail = self.detail
        return Attempt(self.as_of, self.status, detail["code"], detail["horizon_days"], tuple(detail["features"]))

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
    """Keep a training, unless the same is kept already. Several of one refresh are loads of their own."""
    if all(run.version != kept.version for kept in read_runs(lake, run.model, run.as_of)):
        own = f"{load_id}-{run.model}-{run.input_fingerprint[:8]}"
        lake.remember(MODEL_RUN, pa.Table.from_pylist([run.row()], RUN_SCHEMA), own, now)


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


BASELINE, PROVISIONAL_PREFIX = "baseline", "provisional"
BASIS_OF_VERSION = f"""case when starts_with(model_version, '{BASELINE}-') then '{BASELINE}'
  when starts_with(model_version, '{PROVISIONAL_PREFIX}-') then '{PROVISIONAL_PREFIX}' else 'model' end"""


def newest_good(con: duckdb.DuckDBPyConnection, lake: Lake, score: Score, as_of: dt.date) -> dt.date | None:
    """Day of the newest remembered scores that a model made, up to a day; a baseline's do not count."""
    files = lake.remembered(score.remembered_as)
    if not files:
        return None
    found = con.execute(
        f"select max(as_of) from read_parquet($files, union_by_name = true) where as_of <= $as_of "
        f"and {BASIS_OF_VERSION} <> $baseline",
        {"files": files, "as_of": as_of, "baseline": BASELINE},
    ).fetchone()
    return found[0] if found else None


def last_published(
    con: duckdb.DuckDBPyConnection, lake: Lake, score: Score, as_of: dt.date, horizon_days: int
) -> Any:  # fmt: skip
    """Predictions of the newest remembered score run of a model that had passed, for the horizon; None without one.

    (n,), or (n, k) of several classes.
    """
    import numpy as np

    files = lake.remembered(score.remembered_as)
    if not files:
        return None
    columns = con.execute(
        f"""
        with of_models as (
          select * from read_parquet($files, union_by_name = true)
          where as_of <= $as_of and horizon_days = $horizon and {BASIS_OF_VERSION} = 'model'
        )
        select {", ".join(score.predictions)} from of_models
        where (as_of, scored_at) = (select max((as_of, scored_at)) from of_models)
        """,
        {"files": files, "as_of": as_of, "horizon": horizon_days},
    ).fetchnumpy()
    values = np.column_stack([columns[name] for name in score.predictions]).astype(float)
    if not len(values):
        return None
    return values if values.shape[1] > 1 else values[:, 0]


def gather(con: duckdb.DuckDBPyConnection, lake: Lake, score: Score, fresh: pd.DataFrame | None) -> None:
    """Make the temporary table `gathered`: every remembered score run of a score, and a fresh one that is not kept.

    Scores of customers follow merges and splits: a score of a key that was a customer's goes to the customer whom the
    key's founder belongs to now, and is not its own there.
    """
    columns = run_columns(score)
    con.execute(f"create or replace temp table gathered ({ddl(columns)}, is_own boolean default true)")
    wanted = {column.name for column in columns}
    files = lake.remembered(score.remembered_as)
    if files:
        # By name, so that a column which was empty in one run, and has no type of its own there, takes the others'.
        rows = "read_parquet($files, union_by_name = true)"
        there = [row[0] for row in con.execute(f"describe select * from {rows}", {"files": files}).fetchall()]
        names = ", ".join(name for name in there if name in wanted)
        con.execute(f"insert into gathered by name select {names} from {rows}", {"files": files})
    if fresh is not None:
        con.register("fresh_scores", pa.Table.from_pandas(fresh, preserve_index=False))
        con.execute("insert into gathered by name select * from fresh_scores")
        con.unregister("fresh_scores")
    con.execute(f"update gathered set score_basis = {BASIS_OF_VERSION} where score_basis is null")
    if "customer_key" in score.unit:
        follow_links(con)


def follow_links(con: duckdb.DuckDBPyConnection) -> None:
    """Give scores of a key that is no customer's own any more to the customer whom it belongs to."""
    con.execute("create schema if not exists identity")
    con.execute(
        "create table if not exists identity.customer_link "
        "(source_customer_key bigint, customer_key bigint, valid_to timestamp)"
    )
    con.execute(
        """
        update gathered set customer_key = link.customer_key, is_own = false
        from (select distinct source_customer_key, customer_key from identity.customer_link where valid_to is null)
          link
        where gathered.customer_key = link.source_customer_key and gathered.customer_key <> link.customer_key
          and gathered.customer_key not in (
            select customer_key from identity.customer_link where valid_to is null)
        """
    )


def read_newest(
    con: duckdb.DuckDBPyConnection, score: Score, as_of: dt.date, fingerprint: str, observed: pd.DataFrame | None
) -> None:
    """Fill `scores.<score>` out of `gathered`: the newest good run up to a day, and what earlier ones said.

    A run is fresh where it was made from the features of now. Who came after it gets what is observed.

    Args:
        con: the warehouse, after `gather`.
        score: whose table.
        as_of: the day.
        fingerprint: of the features of now.
        observed: the baseline's rows of everybody; None without one.
    """
    unit, value = ", ".join(score.unit), score.prediction
    con.execute(
        f"""
        insert into scores.{score.name} by name
        with newest as (
          select model_version, as_of, input_fingerprint, scored_at from gathered where as_of <= $as_of
          order by as_of desc, input_fingerprint = $print desc, scored_at desc limit 1
        ),
        earlier as (
          select {unit}, max({value}) as highest_before, max_by({value}, (as_of, scored_at)) as value_before
          from gathered where as_of < (select as_of from newest) group by {unit}
        )
        select gathered.* exclude (is_own), highest_before, value_before, input_fingerprint = $print as is_fresh
        from gathered semi join newest using (model_version, as_of, input_fingerprint, scored_at)
        left join earlier using ({unit})
        qualify row_number() over (partition by {unit} order by is_own desc, {value} desc) = 1
        """,
        {"as_of": as_of, "print": fingerprint},
    )
    if observed is not None:
        con.register("observed", pa.Table.from_pandas(observed, preserve_index=False))
        con.execute(
            f"insert into scores.{score.name} by name select *, true as is_fresh from observed "
            f"anti join scores.{score.name} using ({unit})"
        )
        con.unregister("observed")
