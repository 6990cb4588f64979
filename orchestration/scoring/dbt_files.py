"""What dbt knows of the scores: the sources of schema `scores`, and a mart for each score that has no mart by hand.

Usage: make reference          (a test fails while the files are not what this writes)
"""

from __future__ import annotations

import sys
from pathlib import Path

from models_ml.common.declare import Column, Score
from orchestration.platform.paths import DBT_PROJECT
from orchestration.scoring import registry
from orchestration.scoring.columns import HORIZON, RUN_COLUMNS
from orchestration.scoring.run import tables

SOURCES = DBT_PROJECT / "models" / "staging" / "scores.yml"
MARTS = DBT_PROJECT / "models" / "marts" / "scores"
NOTE = "Generated from models_ml/*/score.py: make reference"
CUSTOMER = "customer_key"
PUBLISHED_RUN = tuple(column for column in RUN_COLUMNS if column.name in ("score_basis", "model_version", "scored_at"))


def quoted(text: str) -> str:
    """Text as a YAML string in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def sources() -> str:
    """The source `scores`."""
    lines = [
        f"# {NOTE}", "version: 2", "", "sources:", "  - name: scores",
        "    description: Scores and models, read back from the lake.",
        '    database: "{{ target.database or none }}"', "    schema: scores", "    tables:",
    ]  # fmt: skip
    for table in tables().values():
        lines += [
            f"      - name: {table.name}",
            f"        description: {quoted(table.description)}",
            "        columns:",
        ]
        for column in table.columns:
            lines += [f"          - name: {column.name}", f"            description: {quoted(column.description)}"]
    return "\n".join(lines) + "\n"


def unit_columns(score: Score) -> list[Column]:
    """Key columns of the score's mart."""
    text = "What is scored"
    return [Column(name, "bigint", '{{ doc("customer_key") }}' if name == CUSTOMER else text, True)
            for name in score.unit]  # fmt: skip


def mart_columns(score: Score) -> list[tuple[Column, str]]:
    """Columns of a generated mart, and the SQL of each."""
    found = [(column, f"scored.{column.name}") for column in (*unit_columns(score), *score.columns)]
    if score.learning:
        found.append((HORIZON, "scored.horizon_days"))
    found.append((Column("value_before", "double", f"{score.prediction} of the score run before; null without one"),
                  "scored.value_before"))  # fmt: skip
    found.append((Column("is_stale", "boolean", "Whether the scores are older than the data behind this version, "
                         "since newer ones did not pass", True), "not scored.is_fresh as is_stale"))  # fmt: skip
    found += [(column, f"scored.{column.name}") for column in PUBLISHED_RUN]
    found.append((Column("scored_as_of", "date", "Last business day that the scores know", True),
                  "scored.as_of as scored_as_of"))  # fmt: skip
    found.append((Column("as_of", "date", '{{ doc("as_of") }}', True), "settings.as_of"))
    return found


def mart_sql(score: Score) -> str:
    """The mart that publishes a score."""
    columns = ",\n".join(f"  {sql}" for _, sql in mart_columns(score))
    join = ""
    if CUSTOMER in score.unit:
        join = "\ninner join {{ ref('dim_customer') }} as customer on scored.customer_key = customer.customer_key"
    return (
        f"-- {NOTE}\nselect\n{columns}\nfrom {{{{ source('scores', '{score.name}') }}}} as scored{join}\n"
        "cross join {{ ref('stg_regulars__settings') }} as settings\n"
    )


def mart_yml(score: Score) -> str:
    """Its contract, descriptions and key test."""
    lines = [
        f"# {NOTE}", "version: 2", "", "models:", f"  - name: {score.name}",
        f"    description: {quoted(score.description)}", "    data_tests:", "      - key_and_references:",
        f"          name: {score.name}_keys", "          arguments:", f"            key: [{', '.join(score.unit)}]",
    ]  # fmt: skip
    if CUSTOMER in score.unit:
        lines += ["            references:",
                  "              - {column: customer_key, to: ref('dim_customer'), field: customer_key}"]  # fmt: skip
    lines.append("    columns:")
    for column, _ in mart_columns(score):
        personal = "key" if column.name.endswith(CUSTOMER) else "none"
        lines += [
            f"      - name: {column.name}", f"        data_type: {column.type}",
            f"        config: {{meta: {{personal: {personal}}}}}",
            f"        description: {described(column)}",
        ]  # fmt: skip
        if column.is_required:
            lines.append("        constraints: [{type: not_null}]")
    return "\n".join(lines) + "\n"


def described(column: Column) -> str:
    """A column's description; a doc block in single quotes."""
    return f"'{column.description}'" if column.description.startswith("{{") else quoted(column.description)


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    found = {SOURCES: sources()}
    for score in registry.scores().values():
        if not score.mart:
            found |= {MARTS / f"{score.name}.sql": mart_sql(score), MARTS / f"{score.name}.yml": mart_yml(score)}
    return found


def stale() -> list[Path]:
    """Files that are not what the declarations say, and those of scores that are gone."""
    wanted = files()
    there = [path for path in MARTS.glob("*") if path.is_file()]
    return [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text] + [
        path for path in there if path not in wanted
    ]


def write() -> None:
    """Write the files, and remove those of scores that are gone."""
    wanted = files()
    for path in stale():
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


def main() -> int:
    """Write the files."""
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
