"""Match entries: exact rules and weights of pairs, of which only those of what is new are compared again."""

from __future__ import annotations

import json

import duckdb

from models_ml.identity.comparisons import COMPARISONS
from models_ml.identity.weights import Model, model_name
from orchestration.identity.blocking import make_exact_pairs
from orchestration.identity.relations import SQL, Entries, State
from orchestration.identity.weighing import Frequencies, make_likely, score_pairs
from orchestration.platform.literals import quote
from orchestration.platform.sql import Expression, Relation, count, create, drop, fill, run

# Weights, in log2 odds. A pair is kept from REVIEW on, two groups are one customer from LINK on.
REVIEW, LINK = -3.0, -0.5
# A pair that an exact rule holds for is kept unless everything else speaks so strongly against it.
RULE_LEAST = -8.0
EXACT_RULES = {
    "national_id": "l.national_id = r.national_id",
    "card_no": "l.card_no = r.card_no",
    "verified_email": "l.email = r.email and l.email_verified and r.email_verified",
    "verified_phone": "list_has_any(l.phones, r.phones) and l.phone_verified and r.phone_verified",
}


def exact_rule() -> Expression:
    """SQL of the exact rule that holds for the entries `l` and `r`, null where none does."""
    rules = [fill("when {condition} then {rule}", condition=Expression(condition), rule=rule)
             for rule, condition in EXACT_RULES.items()]  # fmt: skip
    return Expression(f"case {' '.join(rules)} end")


def evidence(kind: str) -> Expression:
    """SQL of a scored pair's evidence as JSON: comparison → [level in words, weight, adjustment for rarity]."""
    parts = []
    for c in COMPARISONS[kind]:
        adjusted = f"coalesce(round(mw_tf_adj_{c.name}, 3), 0)" if c.frequency else "0"
        labels = [*(label for label, _, _ in c.levels), "nothing agrees"][::-1]
        level = " ".join(f"when {i} then {quote(json.dumps(label))}" for i, label in enumerate(labels))
        parts.append(
            f"case when gamma_{c.name} >= 0 then '\"{c.name}\":[' || case gamma_{c.name} {level} end || ',' || "
            f"round(mw_{c.name}, 3) || ',' || {adjusted} || ']' end"
        )
    return Expression("'{' || concat_ws(',', " + ", ".join(parts) + ") || '}'")


def find_fresh(con: duckdb.DuckDBPyConnection, entries: Entries, state: State, model: Model) -> tuple[Relation, int]:
    """Entries (rec, form) that are not compared yet; forgets what is gone. With them how many both are.

    Args:
        con: where they are.
        entries: see there.
        state: what has been compared; forms compared by another model are compared again.
        model: the one that counts.
    """
    run(con, "delete from {known_form} where kind = {kind} and model <> {model}", state, entries,
        model=model_name(model))  # fmt: skip
    fresh = create(
        con, "fresh_form",
        "select rec, form from {entry} where form not in (select form from {known_form} where kind = {kind})",
        state, entries,
    )  # fmt: skip
    run(con, SQL["forget_changed_pairs"], state, entries, fresh=fresh)
    gone = run(con, "delete from {known_form} where kind = {kind} and form not in (select form from {entry})", state,
               entries).fetchone()  # fmt: skip
    return fresh, count(con, fresh) + (int(gone[0]) if gone else 0)


def compare(
    con: duckdb.DuckDBPyConnection,
    entries: Entries,
    state: State,
    model: Model,
    frequencies: Frequencies,
    pairs: Relation,
    block: Relation,
) -> int:
    """Weigh pairs into `form_pair`; returns how many pairs it were.

    Args:
        con: where they are.
        entries: see there.
        state: what is known already.
        model: the weights.
        frequencies: of the columns whose rarity counts.
        pairs: every pair that shares a block; of those that are weighed already it is cleared.
        block: the blocks.
    """
    known = create(con, "known_pair", SQL["known_pair"], state, entries)
    run(con, "delete from {pairs} as p using {known} as k where p.left_rec = k.left_rec and p.right_rec = k.right_rec",
        pairs=pairs, known=known)  # fmt: skip
    drop(con, known)
    compared = count(con, pairs)
    if compared:
        weighed = (entries, model, frequencies)
        likely = make_likely(con, pairs, *weighed, "likely_pair", REVIEW)
        exact = make_exact_pairs(con, entries.kind, pairs, block)
        likely_exact = make_likely(con, exact, *weighed, "likely_exact_pair", RULE_LEAST)
        run(con, "insert into {likely} from {likely_exact} anti join {likely} using (left_rec, right_rec)",
            likely=likely, likely_exact=likely_exact)  # fmt: skip
        scored = score_pairs(con, likely, *weighed, "scored_pair", RULE_LEAST)
        run(con, SQL["add_form_pairs"], state, entries, scored=scored, rule=exact_rule(),
            evidence=evidence(entries.kind), least=REVIEW)  # fmt: skip
        drop(con, likely, exact, likely_exact, scored)
    return compared


def note_compared(
    con: duckdb.DuckDBPyConnection, entries: Entries, state: State, model: Model, fresh: Relation
) -> None:
    """Note the fresh entries as compared."""
    run(con, "insert into {known_form} select {kind}, form, {model} from {fresh}", state, entries,
        model=model_name(model), fresh=fresh)  # fmt: skip
