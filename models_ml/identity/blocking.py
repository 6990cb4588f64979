"""Which pairs of records are worth comparing: those that share a block key, within a cap.

A block key is a value that two records of one customer are likely to share. Blocks with more than `MAX_BLOCK`
records would make pairs without end and tell little (everybody called Li Wei), so they are left out and reported, and
so are a rule's largest blocks where it would make more than `PAIRS_PER_RECORD`; a pair that shares any smaller block is
still compared.

Frames (DuckDB tables):
    entry: STANDARD and `rec`, an integer per record.
    block: rule, key (hash), rec.
    pair: left_rec, right_rec with left_rec < right_rec; each pair once.
    identity.block_limit: kind, rule, most: records of the largest blocks of a rule that are compared.
    identity.uncompared: kind, rule, value (as the rule spells it), records, pairs.
"""

from __future__ import annotations

import duckdb

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


def keyed_sql(kind: str, entries: str) -> str:
    """SQL of rule, key, rec of every block that the given entries are in."""
    parts = [
        f"select {number}::utinyint as rule, hash(unnest({values})) as key, rec from {entries}"
        for number, values in enumerate(RULES[kind].values())
    ]
    return " union all ".join(f"(select * from ({part}) where key <> hash(null::varchar))" for part in parts)


def make_blocks(con: duckdb.DuckDBPyConnection, kind: str, fresh: str | None = None) -> None:
    """Fill `block` for the records of `entry`, and identity.uncompared with the blocks that are too large.

    Args:
        con: see the module.
        kind: person or organisation.
        fresh: table of rec: only the blocks that one of these is in, under the limits of the last whole pass.
    """
    only = ""
    if fresh:
        con.execute(
            "create or replace temp table fresh_key as select distinct rule, key from "
            f"({keyed_sql(kind, f'(from entry semi join {fresh} using (rec))')})"
        )
        only = "semi join fresh_key using (rule, key)"
    con.execute(
        f"create or replace temp table every_block as select rule, key, rec from ({keyed_sql(kind, 'entry')}) " + only
    )
    con.execute(
        "create or replace temp table sized as select rule, key, count(*) as records, min(rec) as rec from every_block "
        "group by rule, key having count(*) > 1"
    )
    if not fresh:
        con.execute("delete from identity.block_limit where kind = $k", {"k": kind})
        con.execute("delete from identity.uncompared where kind = $k", {"k": kind})
        con.execute(
            """
            insert into identity.block_limit
            -- Of a rule the smaller blocks come first: they tell most, and cost least.
            with spent as (
              select rule, records, sum(sum(records * (records - 1) / 2)) over (partition by rule order by records)
                as pairs
              from sized group by rule, records
            ),
            kept as (
              select rule, max(records) as most from spent
              where pairs <= greatest((select count(*) from entry) * $per_record, $at_least) group by rule
            )
            select $kind, rule, least(coalesce(most, 1), $most) from range($rules) r(rule) left join kept using (rule)
            """,
            {"kind": kind, "rules": len(RULES[kind]), "most": MAX_BLOCK, "per_record": PAIRS_PER_RECORD,
             "at_least": PAIRS_AT_LEAST},
        )  # fmt: skip
    limited = f"sized join (from identity.block_limit where kind = {quote(kind)}) using (rule)"
    con.execute(
        "create or replace temp table block as select b.rule, b.key, b.rec from every_block b "
        f"join (select rule, key from {limited} where records <= most) using (rule, key)"
    )
    con.execute(f"create or replace temp table large_block as select * from {limited} where records > most")
    con.execute("drop table every_block; drop table sized")
    note_uncompared(con, kind)


def note_uncompared(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Bring identity.uncompared up to `large_block`."""
    if con.execute("select count(*) from large_block").fetchone() == (0,):
        return
    spelled = [
        f"select {quote(name)} as rule, value, l.records from large_block l "
        f"join (select rec, unnest({values}) as value from entry semi join large_block using (rec)) e "
        f"on e.rec = l.rec and hash(e.value) = l.key where l.rule = {number}"
        for number, (name, values) in enumerate(RULES[kind].items())
    ]
    con.execute(
        f"create or replace temp table left_out as select distinct {quote(kind)} as kind, rule, value, records, "
        f"records * (records - 1) // 2 as pairs from ({' union all '.join(spelled)})"
    )
    con.execute(
        "delete from identity.uncompared where (kind, rule, value) in (select (kind, rule, value) from left_out)"
    )
    con.execute("insert into identity.uncompared from left_out")


def quote(text: str) -> str:
    """A SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def make_exact_pairs(con: duckdb.DuckDBPyConnection, kind: str, pairs: str, target: str) -> None:
    """Make `target`: those of `pairs` that share a block of EXACT."""
    rules = ", ".join(str(number) for number, name in enumerate(RULES[kind]) if name in EXACT)
    con.execute(
        f"""
        create or replace temp table {target} as
        select * from {pairs} semi join (
          select l.rec as left_rec, r.rec as right_rec from block l
          join block r on l.rule = r.rule and l.key = r.key and l.rec < r.rec where l.rule in ({rules})
        ) using (left_rec, right_rec)
        """
    )


def make_pairs(con: duckdb.DuckDBPyConnection, target: str, fresh: str | None = None) -> None:
    """Make `target`: pairs that share a block; with `fresh` (a table of rec) only those with a record of it."""
    if fresh is None:
        source = "block l join block r on l.rule = r.rule and l.key = r.key and l.rec < r.rec"
        pairs = f"select l.rec as left_rec, r.rec as right_rec from {source}"
    else:
        source = (
            f"(select * from block semi join {fresh} using (rec)) l join block r on l.rule = r.rule and l.key = r.key"
        )
        pairs = f"select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec from {source} and l.rec <> r.rec"  # noqa: E501
    con.execute(f"create or replace temp table {target} as select distinct left_rec, right_rec from ({pairs})")
