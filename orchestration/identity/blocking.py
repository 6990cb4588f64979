"""Which pairs of records are worth comparing: those that share a block key, within a cap.

A block key is a value that two records of one customer are likely to share. Blocks with more than `MAX_BLOCK`
records would make pairs without end and tell little (everybody called Li Wei), so they are left out and reported, and
so are a rule's largest blocks where it would make more than `PAIRS_PER_RECORD`; a pair that shares any smaller block is
still compared.
"""

from __future__ import annotations

import duckdb

from orchestration.identity.relations import SQL, Blocks, Entries, State
from orchestration.platform.sql import Expression, Relation, create, drop, fill, run

MAX_BLOCK = 100
# A rule makes so many pairs per record at most, so that ten times the records make ten times the pairs.
PAIRS_PER_RECORD, PAIRS_AT_LEAST = 1, 1_000_000


def either(first: str, second: str) -> str:
    """SQL of a list of two values, or of one where both are the same."""
    return f"[{first}, case when {second} is distinct from {first} then {second} end]"


PLACE = "coalesce(left(postal_code, 2), city, '')"
# Rule → SQL expression of a list of different values; a null in it makes no key. Both name orders are covered.
PERSON_RULES = {
    "national_id": "[national_id]",
    "card_no": "[card_no]",
    "email": "[email]",
    "mailbox": "[case when length(mailbox) > 4 then mailbox end]",
    "phone": "coalesce(phones, [])",
    "name": "[name_key]",
    "born_initials": either("born || ' ' || left(given, 1)", "born || ' ' || left(family, 1)"),
    "family_initial": either(f"family || ' ' || left(given, 1) || {PLACE}",
                             f"given || ' ' || left(family, 1) || {PLACE}"),
    "name_year": either("family || ' ' || left(born, 4)", "given || ' ' || left(born, 4) || left(family, 1)"),
    "name_starts": "[least(left(family, 3), left(given, 3)) || greatest(left(family, 3), left(given, 3)) "
    "|| coalesce(left(postal_code, 3), city, '')]",
    "address": "[coalesce(postal_code, city) || ' ' || house_no || ' ' || left(street, 4)]",
    "postal_name": either("postal_code || ' ' || left(family, 2)", "postal_code || ' ' || left(given, 2)"),
    "street_name": either("left(street, 6) || ' ' || house_no || ' ' || left(given, 1)",
                          "left(street, 6) || ' ' || house_no || ' ' || left(family, 1)"),
    "born_place": "[born || ' ' || coalesce(left(postal_code, 2), left(city, 4))]",
    "occupation_name": either("occupation || ' ' || family", "occupation || ' ' || given || ' ' || left(family, 1)"),
}  # fmt: skip
ORGANISATION_RULES = {
    "national_id": "[national_id]",
    "card_no": "[card_no]",
    "email": "[email]",
    "phone": "coalesce(phones, [])",
    "name": "[organisation]",
    "name_place": "[left(replace(organisation, ' ', ''), 5) || ' ' || coalesce(left(postal_code, 3), city)]",
    "address": "[coalesce(postal_code, city) || ' ' || house_no || ' ' || left(street, 4)]",
}
# Blocks of a number or address that is somebody's own.
EXACT = ("national_id", "card_no", "email", "phone")
RULES = {"person": PERSON_RULES, "organisation": ORGANISATION_RULES}


def keyed_sql(entries: Entries) -> Expression:
    """SQL of rule, key, rec of every block that the entries are in."""
    parts = [
        fill(
            "(select * from (select {number}::utinyint as rule, hash(unnest({values})) as key, rec from {entry}) "
            "where key <> hash(null::varchar))",
            entries, number=number, values=Expression(values),
        )
        for number, values in enumerate(RULES[entries.kind].values())
    ]  # fmt: skip
    return Expression(" union all ".join(parts))


def make_blocks(
    con: duckdb.DuckDBPyConnection, entries: Entries, state: State, fresh: Relation | None = None
) -> Blocks:
    """The blocks of a kind's entries; brings `uncompared` up to those that are too large.

    Which blocks are too large follows from all records, so that what is compared is the same whether they came at once
    or one by one. Pairs of a block that has grown too large are no longer known, unless they share another one.

    Args:
        con: where they are.
        entries: see there.
        state: what is known of the run before.
        fresh: rec of some entries: only the blocks that one of these is in, and those that were too large before.
    """
    every_block = create(con, "every_block", "{keyed}", keyed=keyed_sql(entries))
    block_size = create(con, "block_size", SQL["block_size"], every_block=every_block)
    large_now = create(
        con, "large_now", SQL["large_now"], entries, block_size=block_size, most=MAX_BLOCK,
        per_record=PAIRS_PER_RECORD, at_least=PAIRS_AT_LEAST,
    )  # fmt: skip
    large_before = fill("(select rule, key from {large_block} where kind = {kind})", state, entries)
    opened_block = create(
        con, "opened_block", "from {large_before} anti join {large_now} using (rule, key)",
        large_before=large_before, large_now=large_now,
    )  # fmt: skip
    closed_block = create(
        con, "closed_block", "select rule, key from {large_now} anti join {large_before} using (rule, key)",
        large_before=large_before, large_now=large_now,
    )  # fmt: skip
    run(con, SQL["forget_closed_pairs"], state, entries, every_block=every_block, closed_block=closed_block,
        large_now=large_now)  # fmt: skip
    touched = Expression("") if fresh is None else fill(
        "semi join ({touched}) using (rule, key)",
        touched=fill(SQL["touched_block"], every_block=every_block, fresh=fresh, opened_block=opened_block),
    )  # fmt: skip
    block = create(
        con, "block",
        "select rule, key, rec from {every_block} semi join {block_size} using (rule, key) "
        "anti join {large_now} using (rule, key) {touched}",
        every_block=every_block, block_size=block_size, large_now=large_now, touched=touched,
    )  # fmt: skip
    note_uncompared(con, entries, large_now, state)
    drop(con, every_block, block_size, closed_block)
    return Blocks(block, opened_block, large_now)


def keep_large(con: duckdb.DuckDBPyConnection, kind: str, large_now: Relation, state: State) -> None:
    """Remember which blocks are too large, once the pairs that follow from what has changed are weighed."""
    run(con, "delete from {large_block} where kind = {kind}", state, kind=kind)
    run(con, "insert into {large_block} select {kind}, rule, key from {large_now}", state, kind=kind,
        large_now=large_now)  # fmt: skip


def note_uncompared(con: duckdb.DuckDBPyConnection, entries: Entries, large_now: Relation, state: State) -> None:
    """Bring `uncompared` up to the blocks that are too large."""
    run(con, "delete from {uncompared} where kind = {kind}", state, entries)
    spelled = [
        fill(SQL["spelled_block"], entries, large_now=large_now, name=name, number=number, values=Expression(values))
        for number, (name, values) in enumerate(RULES[entries.kind].items())
    ]
    run(
        con,
        "insert into {uncompared} select distinct {kind}, rule, value, records, records * (records - 1) // 2 "
        "from ({spelled})",
        state, entries, spelled=Expression(" union all ".join(spelled)),
    )  # fmt: skip


def make_exact_pairs(con: duckdb.DuckDBPyConnection, kind: str, pairs: Relation, block: Relation) -> Relation:
    """Those of `pairs` that share a block of EXACT."""
    rules = Expression(", ".join(str(number) for number, name in enumerate(RULES[kind]) if name in EXACT))
    return create(con, "exact_pair", SQL["exact_pair"], pairs=pairs, block=block, rules=rules)


def make_pairs(con: duckdb.DuckDBPyConnection, blocks: Blocks, fresh: Relation | None = None) -> Relation:
    """Pairs (left_rec < right_rec) that share a block, each once; with `fresh` (rec) only those with an entry of it, or
    of a block that was too large before."""
    if fresh is None:
        return create(con, "new_pair", SQL["blocked_pair"], blocks)
    return create(con, "new_pair", SQL["fresh_blocked_pair"], blocks, fresh=fresh)
