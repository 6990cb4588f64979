"""Trained models in the lake: pairs are weighed tomorrow as they are today, until the records are others."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict

import duckdb
import pyarrow as pa

from models_ml.identity.comparisons import COMPARISONS
from models_ml.identity.weights import Model, frequency_columns
from orchestration.identity.relations import SQL, Entries
from orchestration.identity.weighing import Frequencies, frequency_table
from orchestration.landing.lake import Lake
from orchestration.platform.clock import naive_utc
from orchestration.platform.sql import Expression, create, fill, run

MODEL, FREQUENCY = "identity_model", "identity_frequency"
MODEL_SCHEMA = pa.schema(
    [("kind", pa.string()), ("model", pa.string()), ("profile", pa.string()), ("trained_at", pa.timestamp("us"))]
)
# A model is trained again when there are so many times the records that it learned from, or when a column is filled
# so much more or less often.
GROWTH, FILL_CHANGE = 2.0, 0.15
PROFILED = ("birth_date", "city", "email", "family", "national_id", "phones", "postal_code", "street")


def profile_of(con: duckdb.DuckDBPyConnection, entries: Entries) -> dict[str, float]:
    """How many entries there are and how often each compared column is filled: what drift is seen by."""
    shares = Expression(", ".join(f"round(count({name}) / count(*), 4) as {name}" for name in PROFILED))
    row = run(con, "select count(*)::double as records, {shares} from {entry}", entries, shares=shares).fetchone()
    return dict(zip(["records", *PROFILED], (float(value) for value in row or ()), strict=True))


def fitting_model(
    con: duckdb.DuckDBPyConnection, lake: Lake, kind: str, profile: dict[str, float]
) -> tuple[Model, Frequencies] | None:
    """The last trained model with its term frequencies, unless it does not fit the records any more."""
    stored = read_model(con, lake, kind)
    if stored is None:
        return None
    before = stored[1]
    if profile["records"] > GROWTH * before["records"] + 100 or any(
        abs(profile[name] - before.get(name, 0.0)) > FILL_CHANGE for name in profile if name != "records"
    ):
        return None
    return newest_model(con, lake, kind)


def read_model(
    con: duckdb.DuckDBPyConnection, lake: Lake, kind: str
) -> tuple[Model, dict[str, float], dt.datetime] | None:
    """The model that was trained last, the profile of its records, and when; None where its comparisons are others."""
    files = lake.remembered(MODEL)
    if not files:
        return None
    row = run(
        con,
        "select model, profile, trained_at from read_parquet({files}) where kind = {kind} "
        "order by trained_at desc limit 1",
        files=files, kind=kind,
    ).fetchone()  # fmt: skip
    if row is None:
        return None
    model = Model(**json.loads(row[0]))
    sizes = {name: len(values) for name, values in model.m.items()}
    if sizes != {c.name: len(c.levels) + 1 for c in COMPARISONS[kind]}:
        return None
    return model, json.loads(row[1]), row[2]


def newest_model(con: duckdb.DuckDBPyConnection, lake: Lake, kind: str) -> tuple[Model, Frequencies] | None:
    """The model that was trained last, with its term frequencies; None where there is none."""
    stored = read_model(con, lake, kind)
    if stored is None:
        return None
    model, _, trained_at = stored
    files = lake.remembered(FREQUENCY)
    return model, {
        column: create(
            con, frequency_table(column), SQL["stored_frequency"], column=Expression(column), files=files, kind=kind,
            type=Expression("date" if column == "birth_date" else "varchar"), share=Expression(f"tf_{column}"),
            column_name=column, trained_at=trained_at,
        )
        for column in frequency_columns(kind)
    }  # fmt: skip


def store_model(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    model: Model,
    frequencies: Frequencies,
    profile: dict[str, float],
    load_id: str,
    now: dt.datetime,
) -> None:
    """Keep a trained model and its term frequencies in the lake."""
    trained_at = naive_utc(now)
    row = {"kind": model.kind, "model": json.dumps(asdict(model)), "profile": json.dumps(profile),
           "trained_at": trained_at}  # fmt: skip
    name = f"{load_id}-{model.kind}"
    lake.remember(MODEL, pa.Table.from_pylist([row], MODEL_SCHEMA), name, now)
    parts = [
        fill(
            "select {kind} as kind, {name} as column_name, cast({column} as varchar) as value, {share} as frequency, "
            "{trained_at} as trained_at from {table}",
            kind=model.kind, name=column, column=Expression(column), share=Expression(f"tf_{column}"),
            trained_at=trained_at, table=table,
        )
        for column, table in frequencies.items()
    ]  # fmt: skip
    rows = run(con, "{parts} order by all", parts=Expression(" union all ".join(parts))).to_arrow_table()
    lake.remember(FREQUENCY, rows, name, now)
