"""The pairs that were weighed, as those who come after identity read them, and what was not applied or compared."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from orchestration.identity.relations import SQL, Bounds, Inputs, Results, State
from orchestration.platform.sql import Relation, run


def write_pairs(
    con: duckdb.DuckDBPyConnection,
    standard: Relation,
    state: State,
    bounds: Bounds,
    current_link: Relation,
    results: Results,
) -> None:
    """Write every pair that was weighed, as two records with their customers, and its standing.

    linked: of one customer; review: the weight leaves it open, or other evidence keeps a likely pair apart; decided:
    by an analyst or a relation.
    """
    run(con, SQL["record_pair"], state, bounds, results, standard=standard, current_link=current_link)


def write_review(con: duckdb.DuckDBPyConnection, inputs: Inputs, results: Results) -> None:
    """Write the pairs to decide on, with what asking about each gains.

    The gain is the doubt that an answer ends, p (1 - p), times how many facts hang on the two records.
    """
    run(con, SQL["review_pair"], inputs, results)


def write_issues(con: duckdb.DuckDBPyConnection, standard: Relation, state: State, results: Results) -> None:
    """Write what was not applied or not compared, counted; values stay in the warehouse."""
    run(con, SQL["identity_issue"], state, results, standard=standard)


def example_of(con: duckdb.DuckDBPyConnection, record_pair: Relation) -> str:
    """The pair that the weights leave most open, as a table in Markdown; without the values of either record."""
    row = run(
        con, "select weight, evidence, standing from {record_pair} order by abs(weight), left_source_key limit 1",
        record_pair=record_pair,
    ).fetchone()  # fmt: skip
    if row is None:
        return "no two records were weighed"
    lines = [f"weight {row[0]:.2f}, {row[2]}", "", "| comparison | level | weight | rarity |", "|---|---|---|---|"]
    lines += [
        f"| {part['comparison']} | {part['level']} | {part['weight']} | {part['rarity']} |"
        for part in comparisons_of(row[1])
    ]
    return "\n".join(lines)


def comparisons_of(text: str) -> list[dict[str, Any]]:
    """Evidence of a pair as rows: comparison, level in words, weight and adjustment for rarity, in log2 odds."""
    return [
        {"comparison": name, "level": level, "weight": round(float(weight), 2), "rarity": round(float(rarity), 2)}
        for name, (level, weight, rarity) in json.loads(text).items()
    ]
