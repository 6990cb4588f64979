"""The dbt project on a Spark cluster of two workers: every table equal to DuckDB's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.config.company import load_company
from orchestration.platform.literals import quote
from orchestration.platform.paths import DBT_PROJECT, CompanyPaths
from orchestration.privacy.masking import mask_published
from orchestration.warehouse.dbt import text_classes
from tests.spark.cluster import Cluster
from tests.support.equality import contents, difference
from tests.support.fixture import Fixture

pytestmark = pytest.mark.slow
HANDED_OVER = ("input", "identity", "audit", "scores")  # what conform and the models, outside dbt, hand to it
SERVED = ("core", "marts")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Fixture:
    """The fixture company, refreshed on DuckDB."""
    fixture = Fixture(tmp_path_factory.mktemp("fixture"))
    fixture.write()
    done = fixture.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    return fixture


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The cluster."""
    with Cluster(tmp_path_factory.mktemp("spark")) as started:
        yield started


def hand_over(company: Fixture, folder: Path) -> list[str]:
    """Write the tables that dbt reads as Parquet; returns the statements that make them known to Spark."""
    statements = []
    with duckdb.connect(str(company.state / "warehouse.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        for schema in HANDED_OVER:
            statements.append(f"create schema if not exists {schema}")
            tables = con.execute("select table_name from duckdb_tables() where schema_name = ?", [schema]).fetchall()
            for (table,) in tables:
                path = folder / schema / table
                path.mkdir(parents=True)
                con.execute(f"copy {schema}.{table} to {quote(path / 'part-0.parquet')} (format parquet)")
                statements.append(f"create table {schema}.{table} using parquet location '{path}'")
    return statements


def build(cluster: Cluster, statements: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Register the input and build the project, in a process of its own."""
    script = """
import json, sys
from pyspark.sql import SparkSession
from dbt.cli.main import dbtRunner
spark = SparkSession.builder.getOrCreate()
for statement in json.load(open(sys.argv[1])):
    spark.sql(statement)
result = dbtRunner().invoke(["build", "--target", "spark", "--exclude", "resource_type:unit_test", *sys.argv[2:]])
sys.exit(0 if result.success else 1)
"""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "register.json"
    listed.write_text(json.dumps(statements))
    places = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    places += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    return subprocess.run(
        [sys.executable, "-c", script, str(listed), *places],
        env=os.environ | {"SPARK_REMOTE": cluster.remote, "DO_NOT_TRACK": "1"},
        capture_output=True, text=True, timeout=1_500, check=False,
    )  # fmt: skip


def as_duckdb(cluster: Cluster, published: Path, target: Path) -> None:
    """Copy Spark's tables into a DuckDB file with the types of the published one, to compare them there."""
    with duckdb.connect(str(target)) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach {quote(published)} as published (read_only)")
        for schema in SERVED:
            con.execute(f"create schema {schema}")
            columns = con.execute(
                "select table_name, list(column_name order by column_index), list(data_type order by column_index) "
                "from duckdb_columns() where database_name = 'published' and schema_name = ? group by 1",
                [schema],
            ).fetchall()
            for table, names, kinds in columns:
                chosen = ", ".join(f'"{n}"::{k} as "{n}"' for n, k in zip(names, kinds, strict=True))
                files = quote(cluster.tables / f"{schema}.db" / table / "*.parquet")
                con.execute(f"create table {schema}.{table} as select {chosen} from read_parquet({files})")


def test_every_table_is_equal_to_duckdbs(
    company: Fixture, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = build(cluster, hand_over(company, tmp_path / "handed_over"), tmp_path / "dbt")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    status = cluster.status()
    assert status["aliveworkers"] == 2
    [application] = status["activeapps"]
    assert application["cores"] == 2  # it ran on both
    paths = CompanyPaths(tmp_path / "spark")
    paths.root.mkdir()
    copy = paths.serve
    as_duckdb(cluster, company.published, copy)
    shutil.copyfile(company.state / "warehouse.duckdb", paths.warehouse)
    for name, value in company.environment().items():
        monkeypatch.setenv(name, value)
    for schema in SERVED:  # as what DuckDB built was, before it was published
        mask_published(load_company("fixture"), paths, text_classes(), schema)
    assert difference(contents(copy, SERVED), contents(company.published, SERVED)) is None
