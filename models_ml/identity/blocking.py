"""Which pairs of records are worth comparing: those that share a block key, within a cap.

A block key is a value that two records of one customer are likely to share. Blocks with more than `MAX_BLOCK`
records would make pairs without end and tell little (everybody called Li Wei), so they are left out and reported, and
so are a rule's largest blocks where it would make more than `PAIRS_PER_RECORD`; a pair that shares any smaller block is
still compared.

Frames (DuckDB tables):
    entry: STANDARD and `rec`, an integer per record.
    block: rule, key (hash), rec.
    pair: left_rec, right_rec with left_rec < right_rec; each pair once.
    identity.uncompared: kind, rule, value (as the rule spells it), records, pairs.
"""

from __future__ import annotations

import duckdb

MAX_BLOCK = 100
# A rule makes so many pairs per record at most, so that ten times the records make ten times the pairs.
PAIRS_PER_RECORD, PAIRS_AT_LEAST = 2, 50_000

# Rule → SQL expression of a list of values; a null in it makes no key. Both name orders are covered.
PERSON_RULES = {
    "national_id": "[national_id]",
    "card_no": "[card_no]",
    "email": "[email]",
    "mailbox": "[case when length(split_part(email, '@', 1)) > 4 then split_part(email, '@', 1) end]",
    "phone": "coalesce(phones, [])",
    "name": "[name_key]",
    "born_initials": "[birth_date::varchar || ' ' || left(given, 1), birth_date::varchar || ' ' || left(family, 1)]",
    "family_initial": "[family || ' ' || left(given, 1) || coalesce(left(postal_code, 2), city, ''), "
    "given || ' ' || left(family, 1) || coalesce(left(postal_code, 2), city, '')]",
    "name_year": "[family || ' ' || year(birth_date), given || ' ' || year(birth_date) || left(family, 1)]",
    "name_starts": "[least(left(family, 3), left(given, 3)) || greatest(left(family, 3), left(given, 3)) "
    "|| coalesce(left(postal_code, 3), city, '')]",
    "address": "[coalesce(postal_code, city) || ' ' || house_no || ' ' || left(street, 4)]",
    "postal_name": "[postal_code || ' ' || left(family, 2), postal_code || ' ' || left(given, 2)]",
    "street_name": "[left(street, 6) || ' ' || house_no || ' ' || left(given, 1), "
    "left(street, 6) || ' ' || house_no || ' ' || left(family, 1)]",
    "born_place": "[birth_date::varchar || ' ' || coalesce(left(postal_code, 2), left(city, 4))]",
    "occupation_name": "[occupation || ' ' || family, occupation || ' ' || given || ' ' || left(family, 1)]",
}
ORGANISATION_RULES = {
    "national_id": "[national_id]",
    "card_no": "[card_no]",
    "email": "[email]",
    "phone": "coalesce(phones, [])",
    "name": "[organisation]",
    "name_place": "[left(replace(organisation, ' ', ''), 5) || ' ' || coalesce(left(postal_code, 3), city)]",
    "address": "[coalesce(postal_code, city) || ' ' || house_no || ' ' || left(street, 4)]",
}
RULES = {"person": PERSON_RULES, "organisation": ORGANISATION_RULES}


def make_blocks(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Fill `block` for the records of `entry`, and identity.uncompared with the blocks that are too large."""
    parts = [
        f"select {number}::utinyint as rule, hash(unnest({values})) as key, rec from entry"
        for number, values in enumerate(RULES[kind].values())
    ]
    keyed = " union all ".join(f"(select * from ({part}) where key <> hash(null::varchar))" for part in parts)
    con.execute(f"create or replace temp table block as select distinct rule, key, rec from ({keyed})")
    con.execute(
        """
        create or replace temp table large_block as
        with sized as (select rule, key, count(*) as records, min(rec) as rec from block group by all),
        -- Of a rule the smaller blocks come first: they tell most, and cost least.
        spent as (
          select rule, records, sum(sum(records * (records - 1) / 2)) over (partition by rule order by records) as pairs
          from sized group by rule, records
        ),
        kept as (
          select rule, max(records) as most from spent
          where pairs <= greatest((select count(*) from entry) * $per_record, $at_least) group by rule
        )
        select sized.* from sized left join kept using (rule)
        where records > 1 and records > least(coalesce(most, 1), $most)
        """,
        {"most": MAX_BLOCK, "per_record": PAIRS_PER_RECORD, "at_least": PAIRS_AT_LEAST},
    )
    con.execute("delete from block using large_block l where block.rule = l.rule and block.key = l.key")
    found = con.execute("select count(*) from large_block").fetchone()
    spelled = [
        f"select {quote(name)} as rule, value, l.records from large_block l "
        f"join (select rec, unnest({values}) as value from entry semi join large_block using (rec)) e "
        f"on e.rec = l.rec and hash(e.value) = l.key where l.rule = {number}"
        for number, (name, values) in enumerate(RULES[kind].items())
    ]
    if found and found[0]:
        con.execute(
            f"insert into identity.uncompared select distinct {quote(kind)}, rule, value, records, "
            f"records * (records - 1) // 2 from ({' union all '.join(spelled)})"
        )


def quote(text: str) -> str:
    """A SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


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
