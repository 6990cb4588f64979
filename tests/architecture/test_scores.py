"""What is declared of scores, and what follows from it: files of dbt, columns, names."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest

from models_ml.common.declare import Column, Label, Learning, Score, resolve
from models_ml.common.judge import GATES
from models_ml.common.targets import TARGETS, target_of
from orchestration.platform.paths import PROJECT
from orchestration.scoring import dbt_files, registry
from orchestration.scoring.columns import run_columns


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
ABOUT_A_SUBJECT = (
    "orchestration/dashboard/pages/", "orchestration/dashboard/kit/churn.py", "orchestration/config/matrix.py",
    "orchestration/config/strategy.py",
)  # fmt: skip
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
