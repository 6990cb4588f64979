"""Columns of the dbt models that dictionaries name, from the files beside the models."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from orchestration.platform.paths import DBT_PROJECT
from orchestration.platform.yaml_model import UniqueKeyLoader


@cache
def model_files(folder: Path) -> dict[str, Path]:
    """Model -> the file that describes it."""
    return {path.stem: path for path in folder.rglob("*.yml")}


@cache
def columns_of(model: str, project: Path = DBT_PROJECT) -> tuple[str, ...]:
    """Columns of a model.

    Raises:
        ValueError: there is no such model, or its file names no columns.
    """
    path = model_files(project / "models").get(model)
    described = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader) if path else {}
    for entry in described.get("models", ()):
        if entry["name"] == model and entry.get("columns"):
            return tuple(column["name"] for column in entry["columns"])
    raise ValueError("a dbt model whose .yml lists its columns")
