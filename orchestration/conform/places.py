"""Where the rows of a map's own query come from: file and row of the table that the query reads first.

A query that names no `_source_row` among its columns would lose it. Its parse tree shows whether each of its rows is
one of that table (a filter, a join, a subquery), or made of several (`group by`, `distinct`), of which the first is
told. What the query gives beside it must stay the same to the letter; where the tree leaves a doubt, no place is told.
"""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.conform.map_sql import Refused, nodes, statement, trees
from orchestration.platform.literals import quote_name

PLACE = "_place"  # a column of the query beside its own: a struct of file `f` and row `r`
Node = dict[str, Any]


class Unclear(Exception):
    """The tree does not tell which row of which table a row of the query is."""


def placed(con: duckdb.DuckDBPyConnection, sql: str, columns: list[str]) -> str | None:
    """A query with the place of its rows as the column `PLACE`; None where it cannot be told.

    Args:
        con: holds the query's tables.
        sql: the query.
        columns: its columns.
    """
    try:
        tree = statement(trees(con, [sql])[0])
        if bare(statement(trees(con, [written(con, tree)])[0])) != bare(tree):
            return None  # DuckDB writes it in a way that it reads otherwise
        places = Places(con, aggregates(con), Counter(name_of(node) for node in nodes(tree)))
        changed = deepcopy(tree)
        places.add(changed["node"], {})
        text = written(con, changed)
        found = [row[0] for row in con.execute(f"describe {text}").fetchall()]
    except (Unclear, Refused, duckdb.Error):
        return None
    return text if [name for name in found if not name.startswith(PLACE)] == columns and PLACE in found else None


def written(con: duckdb.DuckDBPyConnection, tree: Node) -> str:
    """SQL of a parse tree."""
    whole = {"error": False, "statements": [tree]}
    [(text,)] = con.execute("select json_deserialize_sql($1::json)", [json.dumps(whole)]).fetchall()
    return str(text)


def bare(tree: Any) -> Any:
    """A parse tree without the places of its words in the text."""
    if isinstance(tree, dict):
        return {key: bare(value) for key, value in tree.items() if key != "query_location"}
    return [bare(value) for value in tree] if isinstance(tree, list) else tree


def aggregates(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of DuckDB's aggregate functions."""
    rows = con.execute("select distinct function_name from duckdb_functions() where function_type = 'aggregate'")
    return frozenset(name for (name,) in rows.fetchall())


def name_of(node: Node) -> str:
    """Name of the table that a node reads; empty where it reads none."""
    return node["table_name"].lower() if node.get("type") == "BASE_TABLE" else ""


def inside(tree: Any) -> list[Node]:
    """Nodes of an expression, but those of queries within it and of what windows look at."""
    if isinstance(tree, list):
        return [node for item in tree for node in inside(item)]
    if not isinstance(tree, dict):
        return []
    if tree.get("class") in ("SUBQUERY", "WINDOW"):
        return [tree]
    return [tree, *(node for item in tree.values() for node in inside(item))]


@dataclass(frozen=True)
class Places:
    """Adds the place to a query's parse tree.

    Args:
        con: parses what is added.
        known: aggregate functions.
        read: how often each table is read.
    """

    con: duckdb.DuckDBPyConnection
    known: frozenset[str]
    read: Counter[str]

    def add(self, node: Node, outer: dict[str, Node]) -> None:
        """Let a query give the place, too.

        Args:
            node: the query's, which is changed.
            outer: common table expressions around it, by name.

        Raises:
            Unclear: it cannot.
        """
        common = outer | {entry["key"].lower(): entry["value"]["query"]["node"] for entry in node["cte_map"]["map"]}
        if node["type"] == "SET_OPERATION_NODE":
            if node["setop_type"] != "UNION" or not node["setop_all"] or node["modifiers"]:
                raise Unclear
            for side in ("left", "right"):
                self.add(node[side], common)
            return
        if node["type"] != "SELECT_NODE":
            raise Unclear
        place, is_given = self.place_of(node["from_table"], common)
        is_distinct = any(m["type"] == "DISTINCT_MODIFIER" and not m["distinct_on_targets"] for m in node["modifiers"])
        is_grouped = self.is_grouped(node)
        if is_given:
            check_untouched(node, place.split(".")[0], is_distinct or is_grouped)
        if is_distinct:
            # Each different row once is each group of all columns once, with the first of its places.
            if is_grouped or any(item.get("class") == "WINDOW" for item in inside(node["select_list"])):
                raise Unclear
            node["modifiers"] = [m for m in node["modifiers"] if m["type"] != "DISTINCT_MODIFIER"]
            node["aggregate_handling"] = "FORCE_AGGREGATES"
        shown = f"min({place})" if is_grouped or is_distinct else place
        [added] = statement(trees(self.con, [f"select {shown} as {PLACE}"])[0])["node"]["select_list"]
        node["select_list"].append(added)

    def is_grouped(self, node: Node) -> bool:
        """Whether a query's rows are made of groups of rows."""
        if node["group_expressions"] or node["having"] or node["aggregate_handling"] == "FORCE_AGGREGATES":
            return True
        used = (item for item in inside(node["select_list"]) if item.get("class") == "FUNCTION")
        return any(item["function_name"].lower() in self.known for item in used)

    def place_of(self, table: Node, common: dict[str, Node]) -> tuple[str, bool]:
        """SQL of the place of a row of what a query reads, and whether that gives it as a column of its own.

        Of a join it is the place of the first table.

        Raises:
            Unclear: it has none.
        """
        if table["type"] == "JOIN":
            if table["join_type"] in ("RIGHT", "OUTER"):
                raise Unclear
            return self.place_of(table["left"], common)
        if table.get("column_name_alias"):
            raise Unclear
        if table["type"] == "SUBQUERY" and table["alias"]:
            self.add(table["subquery"]["node"], common)
            return f"{quote_name(table['alias'])}.{PLACE}", True
        if table["type"] != "BASE_TABLE":
            raise Unclear
        name = quote_name(table["alias"] or table["table_name"])
        if name_of(table) in common:
            if self.read[name_of(table)] != 1:
                raise Unclear  # who else reads it would see the place, too
            self.add(common[name_of(table)], {key: made for key, made in common.items() if key != name_of(table)})
            return f"{name}.{PLACE}", True
        return f"{{'f': {name}._source_file, 'r': {name}._source_row}}", False


def check_untouched(node: Node, name: str, is_folded: bool) -> None:
    """Whether a query over what gives the place says the same as without it.

    Args:
        node: the query's.
        name: of what it reads, quoted.
        is_folded: whether rows that are alike become one.

    Raises:
        Unclear: it takes whole rows.
    """
    stars = [item for item in nodes(node["select_list"]) if item.get("class") == "STAR"]
    plain = [item for item in node["select_list"] if item.get("class") == "STAR" and not item["columns"]]
    rows = [item for item in nodes(node) if item.get("class") == "COLUMN_REF" and len(item["column_names"]) == 1
            and quote_name(item["column_names"][0]).lower() == name.lower()]  # fmt: skip
    if rows or len(stars) != len(plain) or (stars and is_folded):
        raise Unclear
