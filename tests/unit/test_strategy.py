"""A company's own strategies for the value × churn matrix: read whole, or refused with the place of the fault."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from orchestration.config.company import Churn, Company, CompanyConfig, Value
from orchestration.config.strategy import DEFAULT, default_columns, read_strategies, write_strategies
from orchestration.platform.errors import ConfigError


def company(folder: Path) -> CompanyConfig:
    settings = Company(name="c", title="C", currency="EUR", timezone="UTC")
    return CompanyConfig.model_construct(folder=folder, company=settings, sources={}, contracts={})


def written(folder: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        con.execute("create schema audit")
        write_strategies(con, company(folder))
        return con.execute("select cell, points from audit.cell_strategy order by 1").fetchall()


def test_the_projects_own_table_is_sound_and_counts_where_a_company_has_none(tmp_path: Path) -> None:
    assert len(read_strategies(DEFAULT, default_columns())) == 9
    assert written(tmp_path) == []


def test_a_companys_table_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    lines = DEFAULT.read_text().splitlines()
    (tmp_path / "seeds" / "cell_strategy.csv").write_text(
        "\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8-sig"
    )
    assert len(written(tmp_path)) == 9


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("CS,let_go", "CD,let_go"), "each of AD"),
        (lambda text: text.replace("points", "bonus", 1), "columns cell, strategy_code, strategy, bonus"),
        (
            lambda text: text[: text.rindex(",")] + ",6\n",
            "row 10, column 'service_packages': value '6': expected: 0 to 5",
        ),
        (lambda text: text[: text.rindex(",")] + ",\n", "row 10, column 'service_packages': value ''"),
    ],
    ids=["a cell twice", "a column renamed", "too many stars", "no stars"],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, change: object, expected: str) -> None:
    path = tmp_path / "cell_strategy.csv"
    path.write_text(change(DEFAULT.read_text()))  # type: ignore[operator]
    with pytest.raises(ConfigError, match=r"cell_strategy\.csv") as raised:
        read_strategies(path, default_columns())
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"horizon_days": 0}, {"horizon_days": "soon"}, {"horizon_days": 4_000}, {"prevent_from": 0.7},
        {"retain_from": 1.0},
    ],
)  # fmt: skip
def test_churn_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Churn.model_validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {"current": 0, "future": 0, "credit": 0, "loyalty": 0, "growth": 0}},
        {"weights": {"current": -1}},
        {"high_share": 0.5, "low_share": 0.5},
    ],
)
def test_value_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Value.model_validate(settings)
