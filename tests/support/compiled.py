"""Compiled SQL of single dbt models, to run on tables that a test makes."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from pathlib import Path

import duckdb

from orchestration.warehouse import dbt


@functools.cache
def compiled(*models: str) -> dict[str, str]:
    """Model → its SQL for DuckDB."""
    dbt.ensure_manifest()
    with tempfile.TemporaryDirectory() as folder:
        names = {"REGULARS_WAREHOUSE": "warehouse.duckdb", "REGULARS_SERVE": "serve.duckdb", "REGULARS_TEMP": "tmp"}
        saved = dict(os.environ)
        os.environ.update({name: str(Path(folder) / file) for name, file in names.items()})
        try:
            outcome = dbt.invoke(
                ["compile", "--select", *models, "--target-path", folder, "--log-path", folder, "--no-introspect"],
                dbt.load_manifest(),
            )
            assert outcome.success, outcome.exception
            manifest = json.loads((Path(folder) / "manifest.json").read_text())
        finally:
            os.environ.clear()
            os.environ.update(saved)
    return {model: manifest["nodes"][f"model.regulars.{model}"]["compiled_code"] for model in models}


def warehouse() -> duckdb.DuckDBPyConnection:
    """An empty database with the catalogs and schemas that compiled SQL names."""
    con = duckdb.connect()
    for catalog, schemas in {
        "warehouse": ("seeds", "staging", "intermediate", "input", "audit", "identity", "features"),
        "serve": ("core", "marts"),
    }.items():
        con.execute(f"attach ':memory:' as {catalog}")
        for schema in schemas:
            con.execute(f"create schema {catalog}.{schema}")
    con.execute("set default_null_order = 'nulls_first_on_asc_last_on_desc'")
    return con
