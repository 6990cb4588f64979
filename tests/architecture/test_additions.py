"""What the how-to pages promise of additions: their example, put where they say, works end to end."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from models_ml.common.declare import Column, Label, Learning, Score, resolve
from models_ml.common.judge import GATES
from models_ml.common.targets import TARGETS, target_of
from orchestration.platform.paths import PROJECT
from orchestration.scoring import dbt_files, registry
from orchestration.scoring.columns import run_columns

COPIED = ("orchestration", "models_ml", "dbt_project", "data", "docs")
LEFT_OUT = shutil.ignore_patterns("target", "logs", "__pycache__", "images")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's code."""
    root = tmp_path / "project"
    for folder in COPIED:
        shutil.copytree(PROJECT / folder, root / folder, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "dagster.yaml", "uv.lock", "Makefile"):
        shutil.copy(PROJECT / name, root / name)
    (root / "tests").symlink_to(PROJECT / "tests")
    return root


def run(project: Path, *arguments: str, **environment: str) -> str:
    """What a Python process in a copied project prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PYTHONPATH": str(project), "COLUMNS": "200"} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


# Scores -------------------------------------------------------------------------------------------

HOW_TO = PROJECT / "docs" / "how-to" / "add-a-score.md"
# The steps of a refresh from the features on, on a company of nothing but features.
FROM_FEATURES_ON = """
import datetime as dt, json
import duckdb
from orchestration.run import clocks
from orchestration.warehouse import dbt
from orchestration.config.company import load_company
from orchestration.conform.tables import prepare
from orchestration.defs import scores as wiring
from orchestration.landing.lake import Lake
from orchestration.scoring.run import run_scores
from orchestration.scoring.step import Step
from orchestration.serving.publish import publish
from tests.unit.test_churn_model import AS_OF, world
from tests.unit.test_scoring import feature_tables

config, now = load_company("shop"), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
config.paths.root.mkdir(parents=True)
with duckdb.connect(str(config.paths.warehouse)) as con:
    prepare(con, config.contracts)
    con.execute("create schema features")
    for name, frame in feature_tables(AS_OF, *world(customers=500)).items():
        con.execute(f"create table features.{name} as select * from frame")
    clocks.write_settings(con, config, clocks.Clocks(AS_OF, now, "20250101T000000"))
    scored = run_scores(Step(con, config, Lake(config.paths.lake), config.paths, AS_OF, "20250101T000000", now))
with duckdb.connect(str(config.paths.serve)) as con:
    con.execute("create schema core; create table core.dim_customer as select range as customer_key from range(500)")
models = ["repurchase", "model_card", "model_metric", "model_gate", "build_info"]
dbt.build(config, lambda node: None, "marts", ["stg_regulars__settings", *models])
publish(config, frozenset(f"marts.{name}" for name in models))
wired = wiring.build(config)
print(json.dumps({
    "assets": [key.to_user_string() for asset in wired.assets for key in asset.keys],
    "checks": [f"{key.asset_key.to_user_string()}: {key.name}" for asset in wired.assets for key in asset.check_keys],
    "settings": sorted(type(config.company).model_fields),
    "gates": {gate.name: gate.message for gate in scored.gates["repurchase"] if not gate.passed},
}))
"""


@pytest.mark.slow
def test_the_score_of_the_how_to_works_end_to_end(project: Path, tmp_path: Path) -> None:
    """One folder and `make reference`: asset, checks, settings, published table, and its row in `regulars models`."""
    from tests.support.shop import Shop

    [declaration] = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), flags=re.S)
    folder = project / "models_ml" / "repurchase"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "score.py").write_text(textwrap.dedent(declaration))
    shop = Shop(tmp_path / "company")
    shop.configure({"repurchase": {"retrain_after_days": 14}})
    shop.data.mkdir()
    environment = {name: shop.environment()[name] for name in ("REGULARS_HOME", "REGULARS_COMPANIES", "SHOP_DATA",
                                                               "REGULARS_COMPANY")}  # fmt: skip
    run(project, "-m", "orchestration.scoring.dbt_files")  # the first step of `make reference`
    done = json.loads(run(project, "-c", FROM_FEATURES_ON, **environment).splitlines()[-1])
    assert "scores/repurchase" in done["assets"]
    assert {"scores/repurchase: beats_baseline", "scores/repurchase: right_total"} <= set(done["checks"])
    assert "repurchase" in done["settings"]
    sql = (
        "select score_basis, is_stale, count(*) as customers, count(distinct expected_purchase_days) > 50 as varied, "
        "min(expected_purchase_days) > 0 as positive, min(model_version) as version, min(scored_as_of) as day "
        "from repurchase group by all order by all"
    )
    told = json.loads(run(project, "-m", "orchestration.cli", "sql", sql, "--json", **environment))
    [row] = told if isinstance(told, list) else told["rows"]
    assert (row["score_basis"], row["is_stale"], row["customers"], row["varied"], row["positive"]) == (
        "model", False, 500, True, True,
    ), done["gates"]  # fmt: skip
    models = json.loads(run(project, "-m", "orchestration.cli", "models", "--json", **environment))
    [card] = [card for card in models["models"] if card["model"] == "repurchase"]
    assert (card["status"], card["version"], card["estimator"]) == ("published", row["version"], "boosting")
    deviance = {m["estimator"]: m["value"] for m in models["metrics"]
                if (m["model"], m["metric"]) == ("repurchase", "deviance")}  # fmt: skip
    assert deviance["boosting"] < deviance["mean by frequency"]
    assert Path(card["card"]).read_text().startswith("<!doctype html>")


def test_what_dbt_knows_of_the_scores_is_what_they_declare() -> None:
    assert dbt_files.stale() == [], "run: make reference"


def test_a_score_without_a_mart_by_hand_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    own = registry.scores()
    plain = replace(own["value"], mart="")
    monkeypatch.setattr(registry, "scores", lambda: {**own, "value": plain})
    made = {path.name for path in dbt_files.stale()}
    assert {"value.sql", "value.yml"} <= made
    text = dbt_files.mart_yml(plain)
    assert all(f"- name: {column.name}\n" in text for column in plain.columns)


def test_what_declarations_name_is_there() -> None:
    """Estimators, formulas, reasons, gates of the kind, columns."""
    for name, score in registry.scores().items():
        if score.learning is None:
            assert callable(resolve(score.formula)), name
            continue
        learning = score.learning
        assert learning.kind in TARGETS, name
        for spec in (*learning.candidates.values(), *learning.baselines.values()):
            assert hasattr(spec.make(), "fit"), name
        for gate in learning.gates:
            assert learning.kind in GATES[gate].kinds, (name, gate)
        known = target_of(learning.kind).metrics
        assert {*learning.metrics, *learning.headline} <= set(known), name
        if learning.reasons:
            assert {"reasons", "importance"} <= set(dir(resolve(learning.reasons))), name
        assert len({column.name for column in run_columns(score)}) == len(run_columns(score)), name


LEARNING: Learning = registry.scores()["churn"].learning  # type: ignore[assignment]
CHURN: Score = registry.scores()["churn"]


@pytest.mark.parametrize(
    ("folder", "score", "expected"),
    [
        ("gone", CHURN, "field 'name': value 'churn': expected: gone"),
        ("churn", replace(CHURN, formula="a:b"), "field 'formula'"),
        ("churn", replace(CHURN, learning=None), "field 'formula'"),
        ("churn", replace(CHURN, prediction="risk"), "field 'prediction': value 'risk'"),
        ("churn", replace(CHURN, features=("feat_nothing",)), "field 'features': value 'feat_nothing'"),
        ("churn", replace(CHURN, features=("feat_cutoff",)), "feat_customer_cutoff among them"),
        ("churn", replace(CHURN, columns=(*CHURN.columns, Column("as_of", "date", "x"))), "field 'columns'"),
        ("churn", replace(CHURN, description="Customers."), "One row per"),
        ("churn", replace(CHURN, learning=replace(LEARNING, baselines={})), "one baseline at least"),
        ("churn", replace(CHURN, learning=replace(LEARNING, target=Label("feat_x", "y"))), "feat_x among them"),
        ("churn", "churn", "expected: SCORE"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(folder: str, score: object, expected: str) -> None:
    with pytest.raises(registry.DeclarationError, match=rf"models_ml/{folder}/score\.py") as raised:
        registry.declared(folder, score)
    assert expected in str(raised.value)


def test_scores_that_read_each_other_are_refused() -> None:
    found = {"a": replace(CHURN, name="a", after=("b",)), "b": replace(CHURN, name="b", after=("a",))}
    with pytest.raises(registry.DeclarationError, match="do not read this one"):
        registry.in_order(found)
    with pytest.raises(registry.DeclarationError, match="scores that there are"):
        registry.in_order({"a": replace(CHURN, name="a", after=("nobody",))})


# Python that is about a subject may name it: pages, the value × churn matrix, and the company's texts of it.
ABOUT_A_SUBJECT = ("orchestration/dashboard/views/", "orchestration/dashboard/pages.py", "orchestration/config/matrix.py",
                   "orchestration/config/strategy.py")  # fmt: skip
ORDINARY_WORDS = {"value"}  # as names of columns and variables; what addresses the score is told all the same
PROSE = re.compile(r"[ \n]")  # a text with blanks is prose or SQL; SQL is told by what it addresses


def names_of_scores(source: str, names: set[str]) -> list[str]:
    """Where Python code names a score: an import of its folder, its settings, its tables, or its bare name."""
    found = []
    addressed = re.compile(
        rf"\b(scores\.({'|'.join(names)})|({'|'.join(names)})_score)\b|model = '({'|'.join(names)})'"
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [m for m in modules if m.startswith("models_ml.") and m.split(".")[1] in names]
        elif isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value).endswith("company"):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Name) and set(node.id.lower().split("_")) & (names - ORDINARY_WORDS):
            found.append(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            bare = node.value in names - ORDINARY_WORDS and not PROSE.search(node.value)
            if bare or addressed.search(node.value):
                found.append(node.value)
    return found


def test_no_score_is_named_outside_its_folder() -> None:
    names = set(registry.scores())
    named = {
        str(path.relative_to(PROJECT)): found
        for folder in ("orchestration", "models_ml")
        for path in (PROJECT / folder).rglob("*.py")
        if not str(path.relative_to(PROJECT)).startswith(ABOUT_A_SUBJECT)
        and (own := names - {path.relative_to(PROJECT).parts[1]})
        and (found := names_of_scores(path.read_text(), own))
    }
    # A formula reads other scores by the names that its own declaration gives.
    assert {path: found for path, found in named.items() if not declared_after(path, found)} == {}


def declared_after(path: str, found: list[str]) -> bool:
    """Whether a score's own folder names no more than the scores that it declares to read."""
    score = registry.scores().get(path.split("/")[1])
    return path.startswith("models_ml/") and score is not None and set(found) <= set(score.after)


@pytest.mark.parametrize(
    "source",
    [
        "from models_ml.churn.reasons import reasons", "import models_ml.value.model", "x = config.company.churn",
        "company.value.high_share", "CHURN = 1", "score = 'churn'", "con.execute('select 1 from scores.value')",
        "files = lake.remembered('churn_score')", "query(\"select 1 from model_card where model = 'churn'\")",
    ],
)  # fmt: skip
def test_the_rule_on_names_of_scores_can_fail(source: str) -> None:
    assert names_of_scores(source, {"churn", "value"})


def test_the_rule_on_names_of_scores_leaves_words_alone() -> None:
    plain = "value = row['value']; x = node.value; say('the churn of customers'); table('value', 'double')"
    assert names_of_scores(plain, {"churn", "value"}) == []
