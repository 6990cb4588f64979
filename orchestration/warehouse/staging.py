"""Staging models of the input entities, written from their contracts: SQL, descriptions, and dbt's sources.

Called by `make reference`; a test fails while the files are not what it writes.

Each entity is staged as `stg_<entity>`: the columns that its contract says are staged, with both clocks applied. One
with `versions` is staged as `stg_<entity>_version`, too. What needs more than that stands beside this folder, by hand.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from orchestration.config.contracts import Contract, load_contracts
from orchestration.platform.paths import DBT_PROJECT

FOLDER = DBT_PROJECT / "models" / "staging" / "generated"
WIDTH = 100
NOTE = "Generated from data/contracts: make reference."

RECORD = ("source_system", "record_key")
SPAN = {
    "version_no": "Number of the version, by date",
    "version_from": "Start of its span, UTC; the first version starts in 1900",
    "version_to": "End of its span, UTC, without; null while it holds",
}


def staged_columns(contract: Contract) -> dict[str, str]:
    """Columns that are staged, in the contract's order, each with its description; business dates follow their time."""
    staged: dict[str, str] = {}
    for name, column in contract.columns.items():
        if column.is_staged:
            staged[name] = column.description
            if column.business_date:
                staged[column.business_date] = f"Business date of {name}"
    return staged


def macro_call(macro: str, contract: Contract, **given: str | None) -> str:
    """A model that is one call of a macro over the staged columns."""
    names = ", ".join(f"'{name}'" for name in staged_columns(contract))
    listed = textwrap.fill(names, WIDTH, initial_indent="    ", subsequent_indent="    ")
    options = [f"  {key}='{value}'" for key, value in given.items() if value]
    arguments = ",\n".join([f"  '{contract.entity}'", f"  [\n{listed},\n  ]", *options])
    return f"{{#- {NOTE} -#}}\n{{{{ {macro}(\n{arguments}\n) }}}}\n"


def model_yaml(name: str, description: str, columns: dict[str, str]) -> str:
    """The model's own YAML: what a row is, and every column. Names in braces are texts that dbt keeps once."""
    lines = [f"# {NOTE}", "version: 2", "", "models:", f"  - name: {name}"]
    lines += [f"    description: {json.dumps(description, ensure_ascii=False)}", "    columns:"]
    for column, text in columns.items():
        lines.append(f"      - {{name: {column}, description: {json.dumps(text, ensure_ascii=False)}}}")
    return "\n".join(lines) + "\n"


def kept_once(*names: str) -> dict[str, str]:
    """Columns whose description dbt keeps once."""
    return {name: f"{{{{ doc('{name}') }}}}" for name in names}


def current_of_versions(contract: Contract) -> str:
    """The version of each record that holds: where a source dates its versions, the last one may lie after `as_of`."""
    columns = ",\n".join(f"  {name}" for name in (*RECORD, *staged_columns(contract), "version_at"))
    model = f"stg_{contract.entity}_version"
    return f"{{#- {NOTE} -#}}\nselect\n{columns}\nfrom {{{{ ref('{model}') }}}}\nwhere version_to is null\n"


def models(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Name, SQL and YAML of each model of an entity."""
    name, columns = f"stg_{contract.entity}", staged_columns(contract)
    from_versions = contract.versions and contract.has_versions
    until = ", up to as_of" if contract.dated_by or from_versions else ""
    said = f"{contract.description.rstrip('.')}. As known at known_at{until}."
    if from_versions:
        keys = kept_once(*RECORD)
        yield name, current_of_versions(contract), model_yaml(name, said, keys | columns | kept_once("version_at"))
    else:
        keys = kept_once(*RECORD, "parent_key")
        sql = macro_call("as_known", contract, on=contract.dated_by)
        yield name, sql, model_yaml(name, said, keys | columns | kept_once("version_at"))
    if contract.versions:
        name += "_version"
        said = f"One row per version of a {contract.title.lower()} record, with the span in which it held."
        sql = macro_call(
            "versions_of", contract, dated="updated_at" if contract.has_versions else None, on=contract.dated_by
        )
        yield name, sql, model_yaml(name, said, kept_once(*RECORD) | SPAN | columns | kept_once("version_at"))


def sources_yaml(contracts: dict[str, Contract]) -> str:
    """dbt's source `input`."""
    head = f"""# {NOTE}
version: 2

sources:
  - name: input
    description: Tables typed by contract, every version of a record, made by conform.
    database: "{{{{ target.database or none }}}}"
    schema: input
    tables:
"""
    return head + "".join(f"      - name: {entity}\n" for entity in contracts)


def files() -> dict[Path, str]:
    """Every file that the contracts give, with its content."""
    contracts = load_contracts()
    made = {FOLDER / "sources.yml": sources_yaml(contracts)}
    for contract in contracts.values():
        for name, sql, described in models(contract):
            made |= {FOLDER / f"{name}.sql": sql, FOLDER / f"{name}.yml": described}
    return made


def stale() -> list[Path]:
    """Files that are missing, are not what the contracts give, or belong to no contract."""
    made = files()
    gone = [path for path in sorted(FOLDER.glob("*")) if path not in made]
    return [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text] + gone


def main() -> int:
    """Write the files, and remove those of entities that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for path in FOLDER.glob("*"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
