"""Rules of the project that no single test sees: layers, portability, documentation, late imports."""

from __future__ import annotations

import ast
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.config.contracts import load_contracts
from orchestration.config.dictionary.kpi import load_dictionary
from orchestration.config.dictionary.survivorship import load_survivorship
from orchestration.connectors import rejects
from orchestration.platform.paths import DBT_PROJECT, PROJECT
from orchestration.privacy.masking import CLASSES
from orchestration.warehouse import dbt, staging

MODELS = sorted((DBT_PROJECT / "models").rglob("*.sql"))
MAX_LINES, MEDIAN_LINES = 200, 30


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    dbt.ensure_manifest()
    found: dict[str, Any] = json.loads(dbt.MANIFEST.read_text())
    return found


def layer(node: dict[str, Any]) -> str:
    """Layer of a node: sources by name, `_regulars` staging apart, intermediate models by their folder."""
    if node["resource_type"] == "source":
        return f"source.{node['source_name']}"
    if node["resource_type"] == "seed":
        return "seed"
    if node["name"].startswith("stg_regulars__"):
        return "staging.regulars"
    return str(node["fqn"][1])


ALLOWED = {
    "staging": {"staging", "source.input", "source.identity", "source.audit"},  # a record is the last of its versions
    "staging.regulars": {"source.audit", "source.input"},  # which months changed is read off the input's own books
    "core": {"staging", "staging.regulars", "core", "seed"},
    "features": {"core", "features", "staging.regulars"},
    "marts": {"core", "features", "marts", "staging.regulars", "seed", "source.scores"},
}


def test_layers_read_in_one_direction(manifest: dict[str, Any]) -> None:
    nodes = manifest["nodes"] | manifest["sources"]
    wrong = [
        f"{node['name']} ({layer(node)}) reads {nodes[parent]['name']} ({layer(nodes[parent])})"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        for parent in node["depends_on"]["nodes"]
        if layer(nodes[parent]) not in ALLOWED[layer(node)]
    ]
    assert wrong == []


def test_only_public_layers_are_published(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert (node["database"] == "serve") == (node["schema"] in ("core", "marts")), node["name"]
            if node["database"] == "serve":
                assert node["contract"]["enforced"], node["name"]


def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert node["description"].startswith(("One row", "One row:")), node["name"]
            assert (PROJECT / "dbt_project" / node["original_file_path"]).with_suffix(".yml").exists()
            for column in node["columns"].values():
                assert column["description"], f"{node['name']}.{column['name']}"


def test_every_published_column_has_a_personal_data_class(manifest: dict[str, Any]) -> None:
    """Figures and words of the product's own are `none`; keys of customers are keyed."""
    wrong = [
        f"{node['name']}.{column['name']}: {column['config']['meta'].get('personal')}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["database"] == "serve"
        for column in node["columns"].values()
        if column["config"]["meta"].get("personal") not in set(CLASSES) - {"direct"}
        or (
            column["name"].endswith(("customer_key", "household_key")) and column["config"]["meta"]["personal"] != "key"
        )
        or (column["config"]["meta"]["personal"] in ("free_text", "json", "label") and column["data_type"] != "varchar")
    ]
    assert wrong == []


def test_published_models_check_their_keys(manifest: dict[str, Any]) -> None:
    tested = {
        node["attached_node"].split(".")[-1]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "key_and_references"
    }
    public = {
        n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["database"] == "serve"
    }
    assert tested == public


def test_no_model_holds_contact_data(manifest: dict[str, Any]) -> None:
    direct = {
        name
        for contract in load_contracts().values()
        for name, column in contract.columns.items()
        if column.personal in ("direct", "sensitive")
    } - {"latitude", "longitude", "birth_date"}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["database"] == "serve":
            # The value index has a part of that name: a percentile over all customers, not the score of a source.
            own = {"credit_score"} if node["name"] == "customer_value" else set()
            assert direct & set(node["columns"]) == own, node["name"]


# What only DuckDB understands, or what Spark reads differently (SPARK: writing portable models).
NOT_PORTABLE = {
    "a cast with ::": r"::",
    "group or order by all": r"\b(group|order)\s+by\s+all\b",
    "star with exclude, replace or rename": r"\*\s*(exclude|replace|rename)\b",
    "a double-quoted name": r'"[a-z_]+"',
    "unnest, generate_series or range": r"\b(unnest|generate_series|range)\s*\(",
    "a list or struct literal": r"\[\s*['\d]|\{\s*'",
    "a DuckDB date call": r"\b(date_?diff|date_?sub|str[fp]time|epoch(_ms)?|isodow|dayofweek|to_(months|days))\s*\(",
    "an interval": r"\binterval\s+[\d']",
    "concat, nvl or strpos": r"\b(concat|nvl|strpos|ifnull)\s*\(",
    "a DuckDB aggregate": r"\b(product|list|string_agg|listagg|quantile_cont|arg_max|arg_min|histogram)\s*\(",
    "a DuckDB join or clause": r"\b(asof|positional|using\s+sample|pivot|unpivot)\b",
    "md5 or hash by hand": r"\b(md5|hash)\s*\(",
    "float money": r"\bcast\([a-z_.]*amount as (double|float|real)\)",
}


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_are_portable(path: Path) -> None:
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*", " ", path.read_text(), flags=re.S)
    found = [name for name, pattern in NOT_PORTABLE.items() if re.search(pattern, text, flags=re.I)]
    assert found == []


def test_the_portability_rules_can_fail() -> None:
    broken = "select a::int, list(b) from t group by all qualify datediff('day', x, y) > interval '1 day'"
    found = [name for name, pattern in NOT_PORTABLE.items() if re.search(pattern, broken, flags=re.I)]
    assert len(found) == 5


def test_models_are_short() -> None:
    lines = {path.stem: len(path.read_text().splitlines()) for path in MODELS}
    assert {name for name, count in lines.items() if count > MAX_LINES} == set()
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_every_dispatched_macro_has_a_spark_version() -> None:
    text = "\n".join(p.read_text() for p in (DBT_PROJECT / "macros" / "portability").glob("*.sql"))
    names = set(re.findall(r"adapter\.dispatch\('(\w+)'", text))
    for name in names:
        assert f"macro default__{name}(" in text
        assert f"macro spark__{name}(" in text


def test_starting_the_command_imports_nothing_heavy() -> None:
    """A refresh with nothing new must end before Dagster, dbt or a model library is imported."""
    code = (
        "import sys, orchestration.cli, orchestration.run.refresh; "
        "print([m for m in ('dagster', 'dbt', 'streamlit', 'pandas', 'sklearn', 'great_expectations', 'plotly') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


DOCUMENTS = sorted([PROJECT / "README.md", PROJECT / "SECURITY.md", *(PROJECT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(PROJECT)))
def test_paths_named_in_documents_exist(document: Path) -> None:
    text = document.read_text()
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    missing = [link for link in links if link and "://" not in link and not (document.parent / link).exists()]
    for path in re.findall(r"`((?:orchestration|models_ml|dbt_project|data|docs|tests)/[\w./-]+)`", text):
        if not (PROJECT / path).exists():
            missing.append(path)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(PROJECT)))
def test_commands_named_in_documents_exist(document: Path) -> None:
    from typer.main import get_command

    from orchestration.cli.main import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    text = document.read_text()
    named = set(re.findall(r"(?:`|\.venv/bin/)regulars ([a-z-]+)", text))
    assert named <= commands
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, flags=re.M)) <= {
        pair for t in targets for pair in ((t, ""), ("", t))
    }


def test_yaml_in_the_how_to_is_a_valid_source(tmp_path: Path) -> None:
    from orchestration.config.company import Source, check_maps

    text = (PROJECT / "docs" / "how-to" / "add-a-source.md").read_text()
    source = Source.model_validate(yaml.safe_load(text.split("```yaml")[1].split("```")[0]))
    check_maps("how-to", source, load_contracts())


def test_the_reference_is_what_contracts_dbt_and_command_line_say() -> None:
    from docs.reference import pages

    stale = [path.name for path, text in pages().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run: make reference"


def test_reasons_of_rejected_lines_stand_in_one_place_and_are_explained() -> None:
    """A reader that has a reason of its own words would show no meaning in the quarantine, and in no document."""
    reader = PROJECT / "orchestration" / "connectors"
    apart = [
        f"{path.name}: {code}"
        for path in sorted(reader.glob("*.py"))
        if path.name != "rejects.py"
        for code in rejects.REASONS
        if re.search(rf"[\"']{code}[\"']", path.read_text())
    ]
    assert not apart
    named = {value for name, value in vars(rejects).items() if name.isupper() and isinstance(value, str)}
    assert named == rejects.REASONS.keys() >= set(rejects.OF_READER.values())
    given = [
        code
        for path in sorted(reader.glob("*.py"))
        for code in re.findall(r"^    reason = (.+)$|refuse\(file, number, (\w+),", path.read_text(), re.MULTILINE)
    ]
    assert given
    assert {"".join(code) for code in given} <= vars(rejects).keys()
    page = (PROJECT / "docs" / "reference" / "input-contracts.md").read_text()
    assert all(f"| `{code}` | {meaning} |" in page for code, meaning in rejects.REASONS.items())


def test_staging_is_what_the_contracts_give(manifest: dict[str, Any]) -> None:
    assert [path.name for path in staging.stale()] == [], "run: make reference"
    staged = {n["name"].removeprefix("stg_") for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    assert set(load_contracts()) <= staged


def test_contact_data_is_staged_only_where_its_contract_says_so() -> None:
    """A name or number that a contract does not release reaches no model, whoever writes the model."""
    released = {
        f"{contract.entity}.{name}"
        for contract in load_contracts().values()
        for name, column in contract.columns.items()
        if column.is_staged and column.personal in ("direct", "sensitive")
    }
    # The age and the credit risk of a customer are made of them; neither is published itself. The golden record chooses
    # among the records that say a name or number; clear contact data alone show what it chose.
    contact = {f"customer.{name}" for fields in load_survivorship().contacts.values() for name in fields}
    clear = {"customer.birth_date", "customer.credit_score", "customer.loyalty_card_no"}
    assert clear <= released <= clear | contact
    ip = load_contracts()["web_event"].columns["ip"]
    assert not ip.is_staged
    assert ip.model_copy(update={"staged": True}).is_staged


def test_telemetry_is_off_everywhere() -> None:
    assert yaml.safe_load((PROJECT / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False
    assert "gatherUsageStats = false" in (PROJECT / ".streamlit" / "config.toml").read_text()


GROUPED = """
import os, pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("i", range(6))
def test_place(i):
    with open(os.environ["PLACES"], "a") as places:
        print(os.environ["PYTEST_XDIST_WORKER"], file=places)
"""


def test_tests_of_a_group_run_in_one_worker(tmp_path: Path) -> None:
    """Where they do not, each worker sets up the company that they share, and nothing else tells."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-c", os.devnull, str(tmp_path)],
        env=os.environ | {"PLACES": str(tmp_path / "places")},
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    places = (tmp_path / "places").read_text().split()
    assert (len(places), len(set(places))) == (6, 1)


# Papers that users do not have: whatever they are shown must stand without them.
UNKNOWN_PAPERS = re.compile(r"\b(SP[E]C|DESI[G]N)\b")
SHOWN = (
    "orchestration",
    "models_ml",
    "dbt_project/models",
    "dbt_project/macros",
    "dbt_project/seeds",
    "docs",
    "data",
    "tests",
)


def test_nothing_cites_a_paper_that_users_do_not_have() -> None:
    files = [PROJECT / "README.md", PROJECT / "Makefile"]
    files += [
        p
        for folder in SHOWN
        for p in (PROJECT / folder).rglob("*")
        if p.suffix in (".py", ".md", ".yml", ".sql", ".csv")
    ]
    citing = [str(p.relative_to(PROJECT)) for p in files if UNKNOWN_PAPERS.search(p.read_text(errors="replace"))]
    assert citing == []
    assert UNKNOWN_PAPERS.search("(SP" + "EC S6.1)")


def test_terms_define_what_the_published_tables_name() -> None:
    """Each word of a list that a published column may hold stands on the page of terms."""
    from orchestration.quality.rules import DIMENSION

    terms = (PROJECT / "docs" / "reference" / "terms.md").read_text()
    words = {"new", "active", "at_risk", "lost", "normal", "prevent", "retain", "win_back", "high", "middle", "low"}
    words |= {churn + value for churn in "ABC" for value in "DGS"} | set(DIMENSION) | set(DIMENSION.values())
    kpis, golden = load_dictionary(), load_survivorship()
    words |= {*kpis.files.nodes, *kpis.files.measures, *kpis.files.dimensions, *golden.groups}
    flags = yaml.safe_load((DBT_PROJECT / "models" / "marts" / "customer" / "customer_flag.yml").read_text())
    [flag] = [c for c in flags["models"][0]["columns"] if c["name"] == "flag"]
    words |= set(re.findall(r"[a-z_]{6,}", flag["description"]))
    assert [word for word in sorted(words) if f"`{word}`" not in terms] == []


README_PAGES = re.findall(r"\]\((docs/[\w/-]+\.md)\)", (PROJECT / "README.md").read_text())


def test_readme_lists_every_how_to_tutorial_and_reference() -> None:
    pages = {
        str(p.relative_to(PROJECT)) for folder in ("how-to", "tutorial", "reference", "explanation")
        for p in (PROJECT / "docs" / folder).glob("*.md")
    }  # fmt: skip
    assert pages - set(README_PAGES) == set()


def test_exit_codes_are_the_same_everywhere() -> None:
    from orchestration.cli.main import EXIT_CODES
    from orchestration.platform.errors import QualityStop, RegularsError, Stopped, UsageError

    codes = {0, *(error.exit_code for error in (RegularsError, UsageError, QualityStop, Stopped))}
    assert set(EXIT_CODES) == codes == {0, 1, 2, 3, 130}
    reference = (PROJECT / "docs" / "reference" / "command-line.md").read_text()
    readme = " ".join((PROJECT / "README.md").read_text().split())
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in reference
        assert f"{code} {meaning.replace(', or', ' or')}" in readme


SAMPLES = [
    (path, query)
    for path in DOCUMENTS
    for query in re.findall(r'regulars sql [^"\n]*"(select[^"]+)"', path.read_text())
]


@pytest.mark.parametrize(("path", "query"), SAMPLES, ids=lambda value: getattr(value, "name", "query"))
def test_sample_queries_name_an_order_and_the_period(path: Path, query: str) -> None:
    assert " order by " in query
    if "kpi_tree" in query or "kpi_diagnosis" in query:
        assert "period_start" in query


# Streamlit's functions whose first text is Markdown.
MARKDOWN = {
    "markdown", "caption", "title", "header", "subheader", "info", "warning", "success", "error", "metric", "button",
    "download_button", "expander", "selectbox", "radio", "checkbox", "segmented_control", "number_input", "text_input",
    "tabs", "toggle", "pills", "toast", "popover", "link_button",
}  # fmt: skip
VIEWS = sorted((PROJECT / "orchestration" / "dashboard").rglob("*.py"))


def raw_markdown(source: str) -> list[str]:
    """Calls that give a text to Markdown which is neither the product's own nor made by `md` or `literal`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MARKDOWN):
            continue
        texts = [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("help", "label", "body"))]
        for text in texts:
            made = {
                call.func.id
                for call in ast.walk(text)
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            }
            parts = any(isinstance(part, ast.JoinedStr | ast.BinOp | ast.Subscript) for part in ast.walk(text))
            if parts and not made & {"md", "literal"}:
                found.append(ast.unparse(node)[:80])
    return found


@pytest.mark.parametrize("path", VIEWS, ids=lambda p: p.stem)
def test_pages_give_no_text_of_data_to_markdown(path: Path) -> None:
    assert raw_markdown(path.read_text()) == []
    assert "unsafe_allow_html" not in path.read_text()
    assert path.name == "parts.py" or "st.dataframe(" not in path.read_text()


def test_the_rule_on_markdown_can_fail() -> None:
    assert raw_markdown('st.caption(f"{x}")')
    assert raw_markdown('column.metric("a" + b, 1)')
    assert not raw_markdown('st.caption("own")')
