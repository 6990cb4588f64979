"""A company's own strategies for the cells of the value × churn matrix: `seeds/cell_strategy.csv`."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import DBT_PROJECT
from orchestration.platform.yaml_model import display

FILE = "cell_strategy.csv"
DEFAULT = DBT_PROJECT / "seeds" / FILE
TEXTS = ("cell", "strategy_code", "strategy")
CELLS = {churn + value for churn in "ABC" for value in "DGS"}
MOST_STARS = 5


def read_strategies(path: Path, columns: list[str]) -> list[list[str | int]]:
    """Rows of a strategy table.

    Raises:
        ConfigError: says file, row, column, value and what was expected.
    """
    name = display(path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        if sorted(reader.fieldnames or []) != sorted(columns):
            raise ConfigError(f"{name}: columns {', '.join(reader.fieldnames or [])}: expected: {', '.join(columns)}")
        found = []
        for number, row in enumerate(reader, start=2):
            values: list[str | int] = []
            for column in columns:
                text = (row[column] or "").strip()
                if column in TEXTS:
                    values.append(text)
                    continue
                if not text.isdigit() or int(text) > MOST_STARS:
                    raise ConfigError(
                        f"{name}: row {number}, column '{column}': value '{text}': expected: 0 to 5 stars"
                    )
                values.append(int(text))
            found.append(values)
    cells = [str(row[columns.index("cell")]) for row in found]
    if sorted(cells) != sorted(CELLS):
        raise ConfigError(
            f"{name}: column 'cell': {', '.join(cells)}: expected: each of {', '.join(sorted(CELLS))} once"
        )
    return found


def default_columns() -> list[str]:
    """Columns of the project's own table."""
    with DEFAULT.open(encoding="utf-8", newline="") as handle:
        return next(csv.reader(handle))


def write_strategies(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Write `audit.cell_strategy`: the company's table, or none, so that the project's counts."""
    columns = default_columns()
    kinds = ", ".join(f"{name} {'varchar' if name in TEXTS else 'integer'}" for name in columns)
    con.execute(f"create or replace table audit.cell_strategy ({kinds})")
    path = config.folder / "seeds" / FILE
    if path.exists():
        marks = ", ".join("?" for _ in columns)
        con.executemany(f"insert into audit.cell_strategy values ({marks})", read_strategies(path, columns))
