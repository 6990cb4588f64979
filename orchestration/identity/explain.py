"""Why two records are one customer, or are not: the rule, or the weight of each comparison."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from orchestration.identity.forms import make_entries
from orchestration.identity.match import LINK, REVIEW, evidence, exact_rule
from orchestration.identity.models import newest_model
from orchestration.identity.pairs import comparisons_of
from orchestration.identity.records import SHARED_ID
from orchestration.identity.relations import RESULTS, SQL, STATE
from orchestration.identity.weighing import score_pairs
from orchestration.landing.lake import Lake
from orchestration.platform.errors import UsageError
from orchestration.platform.sql import create, dicts, fill, run

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
    results = RESULTS
    if text.isdigit():
        condition = fill("customer_key = {key}", key=int(text))
    else:
        system, customer_id = parse_record(text)
        condition = fill(
            "customer_key in (select customer_key from {customer_link} where source_system = {system} "
            "and customer_id = {id} and valid_to is null)",
            results, system=system, id=customer_id,
        )  # fmt: skip
    rows = dicts(run(con, SQL["records_of_customer"], results, condition=condition, shared_id=SHARED_ID))
    if not rows:
        raise UsageError(f"no customer or record '{text}'", "Give a customer_key, or SYSTEM:ID of a source record")
    return rows


def moves_of(con: duckdb.DuckDBPyConnection, customer_key: int) -> list[dict[str, Any]]:
    """Merges and splits that a customer had a part in."""
    return dicts(
        run(
            con,
            "select occurred_at, event, from_customer_key, to_customer_key, records, reason from {identity_event} "
            "where {key} in (from_customer_key, to_customer_key) order by all",
            RESULTS, key=customer_key,
        )
    )  # fmt: skip


def explain_pair(con: duckdb.DuckDBPyConnection, lake: Lake, left: Record, right: Record) -> dict[str, Any]:
    """What two records are weighed by: weight, chance, rule, comparisons, standing; in words what came of it.

    A pair that shared no block was never weighed in a refresh; it is weighed here, by the same model.

    Raises:
        UsageError: a record is not there, or they are of different kinds.
    """
    kinds = [kind_of_record(con, record) for record in (left, right)]
    links = [records_of(con, ":".join(record))[0]["customer_key"] for record in (left, right)]
    same = links[0] == links[1]
    result: dict[str, Any] = {"left": ":".join(left), "right": ":".join(right), "same_customer": same}
    if kinds[0] != kinds[1]:
        return result | {"verdict": "a person and an organisation are never one customer", "comparisons": []}
    weighed = weigh(con, lake, kinds[0], left, right)
    if weighed is None:
        return result | {"verdict": "no two records shared anything to be compared by yet", "comparisons": []}
    weight, levels, rule = weighed
    decision = decision_on(con, left, right)
    return result | {
        "weight": weight,
        "probability": round(1 / (1 + 2**-weight), 6),
        "rule": rule,
        "decision": decision,
        "verdict": verdict(same, weight, rule, decision),
        "comparisons": comparisons_of(levels),
        "prior": prior_of(weight, levels),
    }


def kind_of_record(con: duckdb.DuckDBPyConnection, record: Record) -> str:
    """Whether a record is of a person or an organisation.

    Raises:
        UsageError: it is not there.
    """
    row = run(
        con, "select kind from {standard_customer} where source_system = {system} and customer_id = {id}",
        STATE, system=record[0], id=record[1],
    ).fetchone()  # fmt: skip
    if row is None:
        raise UsageError(f"no record '{':'.join(record)}' with anything to compare", "Give SYSTEM:ID")
    return str(row[0])


def weigh(
    con: duckdb.DuckDBPyConnection, lake: Lake, kind: str, left: Record, right: Record
) -> tuple[float, str, str | None] | None:
    """Weight, evidence (JSON) and exact rule of two records by the newest model; None where there is no model yet."""
    newest = newest_model(con, lake, kind)
    if newest is None:
        return None
    two = create(con, "two_records", SQL["two_records"], STATE, left_system=left[0], left_id=left[1],
                 right_system=right[0], right_id=right[1])  # fmt: skip
    entries = make_entries(con, kind, two, [])
    pair = create(con, "one_pair", "select 0 as left_rec, 1 as right_rec")
    scored = score_pairs(con, pair, entries, *newest, "one_scored_pair")
    row = run(
        con,
        "select match_weight, {evidence}, {rule} from {scored} "
        "join {entry} as l on l.rec = rec_l join {entry} as r on r.rec = rec_r",
        entries, evidence=evidence(kind), rule=exact_rule(), scored=scored,
    ).fetchone()  # fmt: skip
    assert row is not None
    return float(row[0]), str(row[1]), row[2]


def decision_on(con: duckdb.DuckDBPyConnection, left: Record, right: Record) -> str | None:
    """What an analyst or a relation says of two records."""
    row = run(con, SQL["pair_decision"], RESULTS, left_system=left[0], left_id=left[1], right_system=right[0],
              right_id=right[1]).fetchone()  # fmt: skip
    return str(row[0]) if row else None


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
