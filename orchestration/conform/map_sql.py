"""What a map's SQL may be: a query and expressions over its source's tables, and nothing of the machine beside them.

Two locks. The text is held against DuckDB's parse tree before it runs: one expression is one expression, tables are
the source's, table functions are of a short list. And what runs it may open no file but the lake's (`shut`), so that a
way around the first ends at the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.platform.literals import exact_path, quote

# Table functions that make rows of their arguments alone; all others may read files, settings or the database itself.
TABLE_FUNCTIONS = {
    "unnest", "flatten", "range", "generate_series", "json_each", "json_tree", "repeat", "repeat_row",
    "regexp_split_to_table",
}  # fmt: skip


# What a query may have besides its list and its tables.
CLAUSES = ("where_clause", "group_expressions", "having", "sample", "qualify", "modifiers")


class Refused(ValueError):
    """SQL that a map may not hold; says why."""


def shut(con: duckdb.DuckDBPyConnection, *folders: Path) -> None:
    """Let a connection's database open no files but those below some folders, and its own; for good.

    It cannot be undone while the database is open, and holds for all that is attached, copied or loaded.
    """
    [(is_open,)] = con.execute("select current_setting('enable_external_access')").fetchall()
    if not is_open:
        return
    # A folder is named as it is, and as the pattern that `exact_path` makes of it.
    names = [name for folder in folders for name in (folder.absolute(), exact_path(folder.absolute()))]
    allowed = ", ".join(quote(f"{name}/") for name in names)
    con.execute(f"set allowed_directories = [{allowed}]")
    con.execute("set enable_external_access = false")


def trees(con: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[dict[str, Any]]:
    """What DuckDB's parser makes of each text; `statement` takes it apart."""
    asked = "select list_transform($1::varchar[], lambda x: json_serialize_sql(x))"
    [(found,)] = con.execute(asked, [list(texts)]).fetchall()
    return [json.loads(tree) for tree in found]


def statement(tree: dict[str, Any]) -> dict[str, Any]:
    """The one query of a parsed text.

    Raises:
        Refused: it is none, or more than one.
    """
    if tree["error"]:
        raise Refused(tree["error_message"])
    if len(tree["statements"]) != 1:
        raise Refused("more than one statement")
    found: dict[str, Any] = tree["statements"][0]
    return found


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a parse tree."""
    if isinstance(tree, dict):
        yield tree
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(item)


def tables_of(tree: Any) -> set[str]:
    """Tables named in a parse tree, without its common table expressions.

    Raises:
        Refused: one is of another schema, or a table function is none of `TABLE_FUNCTIONS`.
    """
    tables: set[str] = set()
    expressions: set[str] = set()
    for node in nodes(tree):
        expressions |= {entry["key"].lower() for entry in (node.get("cte_map") or {}).get("map", [])}
        if node.get("type") == "BASE_TABLE":
            if node["schema_name"] or node["catalog_name"]:
                raise Refused(f"a map reads its source's tables only, not {node['schema_name']}.{node['table_name']}")
            tables.add(node["table_name"].lower())
        elif node.get("type") == "TABLE_FUNCTION":
            name = node["function"]["function_name"].lower()
            if name not in TABLE_FUNCTIONS:
                raise Refused(f"a map reads its source's tables only, and {name}() reads something else")
        elif node.get("type") == "SHOW_REF":
            raise Refused("a map reads its source's tables only, and no description of them")
    return tables - expressions


def names_in(trees_: Iterable[Any]) -> list[str]:
    """Names of columns that parse trees refer to in any way, in their order."""
    found: dict[str, None] = {}
    for node in (node for tree in trees_ for node in nodes(tree)):
        if node.get("class") == "COLUMN_REF":
            found |= dict.fromkeys(node["column_names"])
        found |= dict.fromkeys(node.get("using_columns") or ())
        found |= dict.fromkeys(name for name in node.get("exclude_list") or () if isinstance(name, str))
    return list(found)


def check_expression(tree: dict[str, Any], tables: set[str]) -> None:
    """Whether the parse tree of `select (text)` is that of one expression, over some tables at most.

    Raises:
        Refused: it is not.
    """
    node = tree["node"]
    is_alone = node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 and node["from_table"]["type"] == "EMPTY"
    if not is_alone or any(node[part] for part in CLAUSES):
        raise Refused("more than one expression")
    if other := sorted(tables_of(tree) - tables):
        raise Refused(f"reads the table {other[0]}, which from does not: join it there")
