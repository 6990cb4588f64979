"""From standard records to the entries that are compared: values of nobody's own are left out, and records that say the
same are one form, compared once."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from models_ml.identity.comparisons import MADE
from models_ml.identity.standardise import STANDARD
from orchestration.identity.relations import SQL, Bounds, Entries, State
from orchestration.platform.sql import Expression, Relation, create, drop, fill, run

# A value with more different names behind it is nobody's own: a switchboard, the shop's own number, a placeholder.
# Names differ here when their initials do, since one person's name is misspelt in many ways.
MOST_NAMES = {"email": 5, "phone": 6, "national_id": 4, "card_no": 5}
VALUES = {"email": "[email]", "phone": "phones", "national_id": "[national_id]", "card_no": "[card_no]"}
INITIALS = Expression(
    "coalesce(left(organisation, 3), "
    "least(left(given, 1), left(family, 1)) || greatest(left(given, 1), left(family, 1)))"
)
PLACEHOLDER_EMAIL = (
    "^(test|none|no|nomail|noemail|noreply|no-reply|donotreply|na|n/a|unknown|unbekannt|keine|kein|null|x+|a+|"
    "anonymous|example|email|mail|nobody|dummy|asdf)@"
)
DIGITS = Expression("regexp_replace(value, '\\D', '', 'g')")
COMPARED = [c for c in STANDARD if c not in ("source_system", "customer_id", "title", "legal_form")]


def digest(values: Sequence[str]) -> Expression:
    """SQL of a 64-bit number for several values, null or not. DuckDB's own hash of text collides in structured cases
    (docs/decisions/0004-keys.md), and two records with one form are taken for the same."""
    parts = ", ".join(f"coalesce(cast({value} as varchar), chr(30))" for value in values)
    return Expression(f"md5_number_lower(concat_ws(chr(31), {parts}))")


def find_shared_values(con: duckdb.DuckDBPyConnection, state: State) -> None:
    """Fill `shared_value` from the standard customers: values that belong to nobody alone, and placeholders.

    A number or address that one system has of organisations at several places is the company's, not a branch's: the
    switchboard, the tax number. It does not tell which branch a record is, so it links none.
    """
    run(con, "delete from {shared_value}", state)
    email = fill("regexp_matches(value, {pattern})", pattern=PLACEHOLDER_EMAIL)
    number = fill(
        "length(translate({digits}, left(right({digits}, 3), 1), '')) < 3 or {digits} like '%1234567%'", digits=DIGITS
    )
    for rule, values in VALUES.items():
        run(con, SQL["shared_value"], state, values=Expression(values), rule=rule, most_names=MOST_NAMES[rule],
            placeholder=email if rule == "email" else number, initials=INITIALS)  # fmt: skip


def make_forms(
    con: duckdb.DuckDBPyConnection, state: State, present: Relation, bounds: Bounds, once_systems: Sequence[str]
) -> Relation:
    """The standard records without values that belong to nobody alone, and `form`.

    Records that say the same are one form and are compared once. Records that say too little to be recognised by,
    that decisions or relations bind, or that a system holds once, are forms of their own.

    Args:
        con: where they are.
        state: holds the standard customers.
        present: source_system, customer_id of the records that there are.
        bounds: see there.
        once_systems: systems that hold each customer once.
    """
    find_shared_values(con, state)
    return create(con, "standard", SQL["standard"], state, bounds, present=present, once_systems=list(once_systems),
                  form=digest([*COMPARED, "own_name"]))  # fmt: skip


def make_entries(con: duckdb.DuckDBPyConnection, kind: str, standard: Relation, once_systems: Sequence[str]) -> Entries:
    """The records of a kind as entries: a row per form, and which form each record is."""
    first_of_form = create(con, "first_of_form", SQL["first_of_form"], standard=standard, kind=kind)
    member = create(
        con, "member",
        "select source_system, customer_id, form, rec from {standard} join {first_of_form} using (form) "
        "where kind = {kind}",
        standard=standard, first_of_form=first_of_form, kind=kind,
    )  # fmt: skip
    made = Expression(", ".join(f"{sql} as {name}" for name, sql in MADE.items()))
    entry = create(con, "entry", SQL["entry"], standard=standard, first_of_form=first_of_form, kind=kind, made=made,
                   once_systems=list(once_systems))  # fmt: skip
    drop(con, first_of_form)
    return Entries(kind, entry, member)
