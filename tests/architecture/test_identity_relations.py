"""Identity reads no table that its caller did not pass: statements name their tables by places, filled by relations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from orchestration.identity.once import resolve_records
from orchestration.identity.relations import SQL
from orchestration.platform import sql
from orchestration.platform.paths import PROJECT
from orchestration.platform.sql import Relation, Relations, fill

PACKAGE = PROJECT / "orchestration" / "identity"
MODULES = sorted(PACKAGE.glob("*.py"))
FILES = sorted(SQL.folder.glob("*.sql"))
COMMENT = re.compile(r"--[^\n]*")
TEXT = re.compile(r"'(?:[^']|'')*'")
# Where a statement names a table; `is distinct from x` names none, and a word before a bracket is a function.
TABLE = re.compile(
    r"(?<!distinct )\b(?:from|join|into|update|(?:table|view)(?:\s+if\s+not\s+exists)?)\s+([a-z_][\w.]*)\b(?!\s*\()",
    re.I,
)
COMMON = re.compile(r"(?:\bwith(?:\s+recursive)?|,)\s*([a-z_]\w*)\s+as\s*\(", re.I)
STATEMENT = re.compile(r"\s*\(?(select|insert|delete|update|create|with|from|copy|union|semi|left join)\b", re.I)
KEYWORDS = {"if", "select"}


def literal_tables(template: str) -> set[str]:
    """Tables that a template names itself: neither places nor its own common table expressions."""
    text = TEXT.sub("''", COMMENT.sub("", template))
    return set(TABLE.findall(text)) - set(COMMON.findall(text)) - KEYWORDS


def templates(path: Path) -> Iterator[str]:
    """Texts of a module that are given to the helper, or look like statements."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.match(
                r"\s*\(?(select|insert|delete|update|create|with|from|copy|union|semi|left join)\b", node.value
            )
        ):
            yield node.value


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_of_sql_names_no_table(path: Path) -> None:
    assert literal_tables(path.read_text()) == set()
    assert f'SQL["{path.stem}"]' in "".join(module.read_text() for module in MODULES)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_names_no_table_and_executes_by_the_helper_only(path: Path) -> None:
    # Common table expressions of the file that a fragment is put into.
    allowed = {"given"} if path.stem == "enrichment" else set()
    assert {name for text in templates(path) for name in literal_tables(text)} - allowed == set()
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    allowed = {"register"} if path.stem == "weighing" else set()  # Splink's own
    assert not (called & {"execute", "executemany", "sql", "query", "from_query", "register"}) - allowed
    assert "TEMPORARY" not in path.read_text()  # who has a temporary table was given it


def test_the_rules_on_tables_can_fail() -> None:
    assert literal_tables("select * from entry") == {"entry"}
    assert literal_tables("with a as (select 1) select * from a join identity.x using (y)") == {"identity.x"}
    assert literal_tables("insert into {a} select * from {b} where x is distinct from y -- from c") == set()
    assert literal_tables("select * from read_parquet({files}) where x = 'from d'") == set()


@pytest.mark.parametrize("path", sorted((PROJECT / "models_ml" / "identity").glob("*.py")), ids=lambda p: p.stem)
def test_the_models_of_identity_know_no_database(path: Path) -> None:
    assert not re.search(r"^\s*(import|from) (duckdb|splink)", path.read_text(), re.MULTILINE)


def tables_of(statement: str) -> set[tuple[str, str]]:
    """(schema, table) of what a filled statement reads or writes, its own names apart."""
    found = set()
    for tree in sqlglot.parse(statement, dialect="duckdb"):
        assert tree is not None
        own = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            schema = ".".join(part.name for part in (table.args.get("catalog"), table.args.get("db")) if part)
            if isinstance(table.this, exp.Identifier) and not (table.name in own and not schema):
                found.add((schema, table.name))
    return found


def test_what_is_executed_names_only_what_was_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the parts that are made of rules and comparisons."""
    passed: set[tuple[str, str]] = set()
    statements: list[str] = []
    filled = sql.fill

    def note(template: str, /, *relations: Relations, **given: Any) -> sql.Expression:
        values = [*given.values(), *(value for whole in relations for value in whole.named().values())]
        passed.update((v.schema, v.name) for v in values if isinstance(v, Relation))
        return filled(template, *relations, **given)

    def execute(con: duckdb.DuckDBPyConnection, template: str, /, *relations: Relations, **given: Any) -> Any:
        secrets = given.pop("secrets", None)
        statements.append(note(template, *relations, **given))
        return con.execute(statements[-1], secrets)

    def create(con: Any, name: str, template: str, /, *relations: Relations, **given: Any) -> Relation:
        secrets, kind = given.pop("secrets", None), "view" if given.pop("as_view", False) else "table"
        made = Relation(sql.TEMPORARY, name)
        statements.append(f"create or replace temp {kind} {made} as {note(template, *relations, **given)}")
        con.execute(statements[-1], secrets)
        passed.add((made.schema, made.name))
        return made

    for module in ("blocking", "forms", "grouping", "match", "once", "standardise", "weighing"):
        for name, changed in (("run", execute), ("create", create), ("fill", note)):
            monkeypatch.setattr(f"orchestration.identity.{module}.{name}", changed, raising=False)
    with duckdb.connect() as con:
        con.execute(RECORDS)
        resolve_records(con, "record", "DE")
    assert len(statements) > 60
    unknown = {
        (table, statement[:300])
        for statement in statements
        for table in tables_of(statement) - passed
        if not re.match(r"(attach|use) ", statement) and not table[1].startswith("__splink")
    }
    assert unknown == set()


RECORDS = """
create table record as
select
  's' as source_system, i::varchar as customer_id, case when i % 7 = 0 then 'organisation' end as customer_type,
  null::varchar as full_name, null::varchar as title, 'Ann' || i % 5 as given_name, 'Lee' || i % 3 as family_name,
  case when i % 7 = 0 then 'Muster ' || i % 2 end as organisation_name, null::varchar as gender,
  date '1980-01-01' + (i % 4)::int as birth_date, 'a' || i % 6 || '@lee.example' as email, null::varchar as phone,
  null::varchar as mobile, null::varchar as national_id, null::varchar as loyalty_card_no,
  null::varchar as address_line, 'Bonn' as city, null::varchar as region, '53111' as postal_code,
  null::varchar as country, null::varchar as occupation, null::timestamp as email_verified_at,
  null::timestamp as phone_verified_at
from range(60) t(i)
"""


def test_a_place_without_a_value_and_a_value_without_a_place_are_refused() -> None:
    assert fill("select {a}, {b} from {c}", a="it's", b=1.5, c=Relation("s", 'x"y')) == (
        'select \'it\'\'s\', 1.5 from "s"."x""y"'
    )
    with pytest.raises(ValueError, match="nothing is given for b"):
        fill("select {a} from {b}", a=1)
    with pytest.raises(ValueError, match="no place for b"):
        fill("select {a}", a=1, b=2)
    with pytest.raises(TypeError, match="no literal of set"):
        fill("select {a}", a={1})
