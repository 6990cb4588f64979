"""Why two records are one customer, or are not: the rule, or the weight of each comparison."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from models_ml.identity.match import EXACT_RULES, LINK, REVIEW, evidence, make_entry
from models_ml.identity.weights import score_pairs
from orchestration.identity.records import LENT
from orchestration.identity.run import comparisons_of, newest_model
from orchestration.landing.lake import Lake
from orchestration.platform.errors import UsageError
from orchestration.platform.literals import quote

Record = tuple[str, str]
SHOWN = (
    "customer_type", "full_name", "title", "given_name", "family_name", "organisation_name", "gender", "birth_date",
    "email", "phone", "mobile", "national_id", "loyalty_card_no", "address_line", "postal_code", "city", "region",
    "country", "occupation",
)  # fmt: skip


def parse_record(text: str) -> Record:
    """SYSTEM:ID as a record.

    Raises:
        UsageError: it is of another form.
    """
    system, colon, customer_id = text.partition(":")
    if not (system and colon and customer_id):
        raise UsageError(f"'{text}': not of the form SYSTEM:ID", "For instance: crm:C00000005")
    return system, customer_id


def records_of(con: duckdb.DuckDBPyConnection, text: str) -> list[dict[str, Any]]:
    """Every record of a customer, who is given by key or by one record (SYSTEM:ID), with the link of each.

    Raises:
        UsageError: there is none.
    """
    if text.isdigit():
        condition = "customer_key = $key"
        values: dict[str, Any] = {"key": int(text)}
    else:
        system, customer_id = parse_record(text)
        condition = (
            "customer_key in (select customer_key from identity.customer_link where source_system = $system "
            "and customer_id = $id and valid_to is null)"
        )
        values = {"system": system, "id": customer_id}
    found = con.execute(
        f"select source_system, customer_id, customer_key, source_customer_key, rule, weight, valid_from "
        f"from identity.customer_link where {condition} and valid_to is null and rule <> $lent order by all",
        values | {"lent": LENT},
    )
    names = [column[0] for column in found.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    if not rows:
        raise UsageError(f"no customer or record '{text}'", "Give a customer_key, or SYSTEM:ID of a source record")
    return rows


def moves_of(con: duckdb.DuckDBPyConnection, customer_key: int) -> list[dict[str, Any]]:
    """Merges and splits that a customer had a part in."""
    found = con.execute(
        "select occurred_at, event, from_customer_key, to_customer_key, records, reason from identity.identity_event "
        "where $key in (from_customer_key, to_customer_key) order by all",
        {"key": customer_key},
    )
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def values_of(con: duckdb.DuckDBPyConnection, record: Record) -> dict[str, Any]:
    """What the source says of a record; empty where only facts mention it."""
    found = con.execute(
        f"select {', '.join(SHOWN)} from input.customer where source_system = $system and customer_id = $id "
        "and _superseded_at is null order by _version_at desc limit 1",
        {"system": record[0], "id": record[1]},
    )
    names = [column[0] for column in found.description or []]
    row = found.fetchone()
    return {n: v for n, v in zip(names, row, strict=True) if v is not None} if row else {}


def explain_pair(con: duckdb.DuckDBPyConnection, lake: Lake, left: Record, right: Record) -> dict[str, Any]:
    """What two records are weighed by: weight, chance, rule, comparisons, standing; in words what came of it.

    A pair that shared no block was never weighed in a refresh; it is weighed here, by the same model.

    Raises:
        UsageError: a record is not there, or they are of different kinds.
    """
    kinds = []
    for system, customer_id in (left, right):
        row = con.execute(
            "select kind from identity.standard_customer where source_system = $system and customer_id = $id",
            {"system": system, "id": customer_id},
        ).fetchone()
        if row is None:
            raise UsageError(f"no record '{system}:{customer_id}' with anything to compare", "Give SYSTEM:ID")
        kinds.append(str(row[0]))
    links = [records_of(con, f"{system}:{customer_id}")[0]["customer_key"] for system, customer_id in (left, right)]
    result: dict[str, Any] = {"left": ":".join(left), "right": ":".join(right), "same_customer": links[0] == links[1]}
    if kinds[0] != kinds[1]:
        return result | {"verdict": "a person and an organisation are never one customer", "comparisons": []}
    model = newest_model(con, lake, kinds[0])
    if model is None:
        return result | {"verdict": "no two records shared anything to be compared by yet", "comparisons": []}
    con.execute(
        "create or replace temp table two as select * exclude (raw_hash), "
        "md5_number_lower(source_system || chr(31) || customer_id) as form "
        "from identity.standard_customer "
        f"where (source_system, customer_id) in (({quote(left[0])}, {quote(left[1])}), "
        f"({quote(right[0])}, {quote(right[1])}))"
    )
    make_entry(con, kinds[0], "two", [])
    con.execute("create or replace temp table the_pair as select 0 as left_rec, 1 as right_rec")
    score_pairs(con, "the_pair", model, "the_score")
    rules = " ".join(f"when {condition} then {quote(rule)}" for rule, condition in EXACT_RULES.items())
    row = con.execute(
        f"select match_weight, {evidence(kinds[0])}, case {rules} end from the_score "
        "join entry l on l.rec = rec_l join entry r on r.rec = rec_r"
    ).fetchone()
    assert row is not None
    weight, rule = float(row[0]), row[2]
    decision = con.execute(
        "select decision from identity.record_pair where decision is not null and "
        "((left_system, left_customer_id) = ($a, $b) and (right_system, right_customer_id) = ($c, $d) or "
        "(left_system, left_customer_id) = ($c, $d) and (right_system, right_customer_id) = ($a, $b))",
        {"a": left[0], "b": left[1], "c": right[0], "d": right[1]},
    ).fetchone()
    return result | {
        "weight": weight,
        "probability": round(1 / (1 + 2**-weight), 6),
        "rule": rule,
        "decision": decision[0] if decision else None,
        "verdict": verdict(links[0] == links[1], weight, rule, decision[0] if decision else None),
        "comparisons": comparisons_of(str(row[1])),
        "prior": prior_of(weight, str(row[1])),
    }


def verdict(same: bool, weight: float, rule: str | None, decision: str | None) -> str:
    """In words why a pair stands as it does."""
    if decision:
        return f"decided or related as {decision}"
    if same and rule:
        return f"one customer: the same {rule.replace('_', ' ')}"
    if same:
        return "one customer: alike enough" if weight >= LINK else "one customer through other records of it"
    if weight >= LINK:
        return "two customers: alike, but other records of theirs speak against it"
    return "two customers: for review" if weight >= REVIEW else "two customers: not alike enough"


def prior_of(weight: float, text: str) -> float:
    """The weight before anything is compared."""
    return round(weight - sum(float(w) + float(a) for _, w, a in json.loads(text).values()), 2)
