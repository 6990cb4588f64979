"""The tables of schema `scores`: those that every training fills, and what every score run carries."""

from __future__ import annotations

from models_ml.common.declare import Column, Score, SqlType, Table


def table(name: str, description: str, *columns: tuple[str, SqlType, str]) -> Table:
    """A table of columns given as name, type and description."""
    return Table(name, description, tuple(Column(*column) for column in columns))


# What the trainings found, published as `marts.model_*`.
MODEL_TABLES: dict[str, Table] = {
    made.name: made
    for made in (
        table(
            "model_run", "One row per training of a score.",
            ("model", "varchar", "Score"),
            ("version", "varchar", "Version; the same data give the same"),
            ("status", "varchar", "published, provisional, superseded, refused or not_enough_data"),
            ("is_current", "boolean", "Whether new scores are made with it"),
            ("message", "varchar", "Verdict in one sentence"),
            ("trained_at", "timestamp", "When it was trained, UTC"),
            ("trained_as_of", "date", "Last business day that it learned from"),
            ("scores_as_of", "date", "Day of its published scores"),
            ("horizon_days", "integer", "Days that the score looks ahead"),
            ("estimator", "varchar", "Kind of estimator"),
            ("training_rows", "bigint", "Units × cut-offs learned from"),
            ("customers", "bigint", "Customers"),
            ("base_rate", "double", "Mean of the target on the last finished window"),
            ("card", "varchar", "File of the model card"),
        ),
        table(
            "model_metric", "One row per score, estimator and metric on the last finished window.",
            ("model", "varchar", "Score"), ("version", "varchar", "Version"),
            ("population", "varchar", "Whom it is measured among"), ("estimator", "varchar", "Estimator"),
            ("metric", "varchar", "Metric"), ("value", "double", "Its value"),
            ("low", "double", "2.5 % of its bootstrap distribution"), ("high", "double", "97.5 % of it"),
        ),
        table(
            "model_gate", "One row per score and gate.",
            ("model", "varchar", "Score"), ("version", "varchar", "Version"), ("gate", "varchar", "Gate"),
            ("is_passed", "boolean", "Whether it passed"), ("observed", "double", "What was observed"),
            ("bound", "double", "What is allowed"), ("message", "varchar", "In words"),
        ),
        table(
            "model_curve", "One row per point of the plots on a model card.",
            ("model", "varchar", "Score"), ("version", "varchar", "Version"), ("estimator", "varchar", "Estimator"),
            ("curve", "varchar", "reliability or gains"), ("point", "integer", "Number of the point"),
            ("x", "double", "Across"), ("y", "double", "Up"), ("customers", "bigint", "Customers behind the point"),
        ),
        table(
            "model_driver", "One row per score and theme: how much it moves the score.",
            ("model", "varchar", "Score"), ("version", "varchar", "Version"), ("driver", "varchar", "Theme"),
            ("weight", "double", "Mean absolute effect"),
        ),
    )
}  # fmt: skip
# What every score run carries, whatever the score.
RUN_COLUMNS = (
    Column("model_version", "varchar", "Version that scored, provisional-<version>, or baseline-<day>", True),
    Column("score_basis", "varchar", "model; provisional: a model's order, dealt the values of the last published "
           "scores or of the baseline, since its own may be off; baseline: what is observed", True),
    Column("as_of", "date", "Last business day that the scores know", True),
    Column("scored_at", "timestamp", "When they were made, UTC", True),
    Column("input_fingerprint", "varchar", "Of what they were made from", True),
)  # fmt: skip
HORIZON = Column("horizon_days", "integer", "Days that the score looks ahead", True)
# What is added when the newest run is read back.
BESIDE = (
    Column("highest_before", "double", "Greatest value of earlier score runs"),
    Column("value_before", "double", "Value of the score run before"),
    Column("is_fresh", "boolean", "Whether it was made from the features of now", True),
)
ADDED = (HORIZON, *RUN_COLUMNS, *BESIDE)


def run_columns(score: Score) -> tuple[Column, ...]:
    """Columns of a score run as the lake keeps it."""
    unit = tuple(Column(name, "bigint", "What is scored", True) for name in score.unit)
    horizon = (HORIZON,) if score.learning else ()
    return (*unit, *score.columns, *horizon, *RUN_COLUMNS)


def tables_of(score: Score) -> dict[str, Table]:
    """The score's tables in schema `scores`, its own first."""
    own = Table(score.name, score.description, (*run_columns(score), *BESIDE))
    return {own.name: own} | {made.name: made for made in score.tables}


def ddl(columns: tuple[Column, ...]) -> str:
    """Columns as `create table` takes them."""
    return ", ".join(f"{column.name} {column.type}" for column in columns)
