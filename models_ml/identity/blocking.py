"""Which pairs of records are worth comparing: those that share a block key, within a cap.

A block key is a value that two records of one customer are likely to share. Blocks with more than `MAX_BLOCK`
records would make pairs without end and tell little (everybody called Li Wei), so they are left out and reported, and
so are a rule's largest blocks where it would make more than `PAIRS_PER_RECORD`; a pair that shares any smaller block is
still compared.

Frames (DuckDB tables):
    entry: STANDARD and `rec`, an integer per record.
    block: rule, key (hash), rec.
    pair: left_rec, right_rec with left_rec < right_rec; each pair once.
    large_block, and of the last run identity.large_block: rule, key of the blocks that are too large to compare.
    opened_block, closed_block: what of it has changed since.
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

    Which blocks are too large follows from all records, so that what is compared is the same whether they came at once
    or one by one. Pairs of a block that has grown too large are no longer known, unless they share another one.

    Args:
        con: see the module.
        kind: person or organisation.
        fresh: table of rec: only the blocks that one of these is in, and those that were too large before.
    """
    con.execute(f"create or replace temp table every_block as {keyed_sql(kind, 'entry')}")
    con.execute(
        "create or replace temp table sized as select rule, key, count(*) as records, min(rec) as rec from every_block "
        "group by rule, key having count(*) > 1"
    )
    find_large(con, kind)
    forget_pairs(con, kind)
    touched = (
        f"semi join (select rule, key from every_block semi join {fresh} using (rec) union "
        "select rule, key from opened_block) using (rule, key)" if fresh else ""
    )  # fmt: skip
    con.execute(
        "create or replace temp table block as select rule, key, rec from every_block "
        f"semi join sized using (rule, key) anti join large_block using (rule, key) {touched}"
    )
    note_uncompared(con, kind)
    con.execute("drop table every_block; drop table sized")


def find_large(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Make `large_block`, and what of it has changed since the last run: `opened_block`, `closed_block`."""
    con.execute(
        """
        create or replace temp table large_block as
        -- Of a rule the smaller blocks come first: they tell most, and cost least.
        with spent as (
          select rule, records, sum(sum(records * (records - 1) / 2)) over (partition by rule order by records) as pairs
          from sized group by rule, records
        ),
        kept as (
          select rule, max(records) as most from spent
          where pairs <= greatest((select count(*) from entry) * $per_record, $at_least) group by rule
        )
        select sized.* from sized left join kept using (rule) where records > least(coalesce(most, 1), $most)
        """,
        {"most": MAX_BLOCK, "per_record": PAIRS_PER_RECORD, "at_least": PAIRS_AT_LEAST},
    )
    before = f"(select rule, key from identity.large_block where kind = {quote(kind)})"
    con.execute(f"create or replace temp table opened_block as from {before} anti join large_block using (rule, key)")
    con.execute(
        f"create or replace temp table closed_block as select rule, key from large_block anti join {before} "
        "using (rule, key)"
    )


def keep_large(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Remember `large_block`, once the pairs that follow from what has changed are weighed."""
    con.execute("delete from identity.large_block where kind = $k", {"k": kind})
    con.execute("insert into identity.large_block select $k, rule, key from large_block", {"k": kind})


def forget_pairs(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Take out of identity.form_pair what shares a `closed_block` and none that is compared."""
    both = "every_block x join every_block y on x.rule = y.rule and x.key = y.key"
    con.execute(
        f"""
        delete from identity.form_pair where kind = {quote(kind)} and (left_form, right_form) in (
          with known as (
            select left_form, right_form, l.rec as left_rec, r.rec as right_rec from identity.form_pair p
            join entry l on l.form = left_form join entry r on r.form = right_form where p.kind = {quote(kind)}
          ),
          closed as (
            select distinct k.* from known k join every_block x on x.rec = k.left_rec
            join closed_block c on c.rule = x.rule and c.key = x.key
            join every_block y on y.rec = k.right_rec and y.rule = x.rule and y.key = x.key
          )
          select left_form, right_form from closed k where not exists (
            select 1 from {both} where x.rec = k.left_rec and y.rec = k.right_rec
              and not exists (select 1 from large_block b where b.rule = x.rule and b.key = x.key)
          )
        )
        """
    )


def note_uncompared(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Bring identity.uncompared up to `large_block`."""
    con.execute("delete from identity.uncompared where kind = $k", {"k": kind})
    spelled = [
        f"select {quote(name)} as rule, value, l.records from large_block l "
        f"join (select rec, unnest({values}) as value from entry semi join large_block using (rec)) e "
        f"on e.rec = l.rec and hash(e.value) = l.key where l.rule = {number}"
        for number, (name, values) in enumerate(RULES[kind].items())
    ]
    con.execute(
        f"insert into identity.uncompared select distinct {quote(kind)}, rule, value, records, "
        f"records * (records - 1) // 2 from ({' union all '.join(spelled)})"
    )


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
    """Make `target`: pairs that share a block; with `fresh` (a table of rec) only those with a record of it, or of a
    block that was too large before."""
    every = "block l join block r on l.rule = r.rule and l.key = r.key"
    if fresh is None:
        pairs = f"select l.rec as left_rec, r.rec as right_rec from {every} and l.rec < r.rec"
    else:
        pairs = (
            "select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec "
            f"from (from block semi join {fresh} using (rec)) l join block r "
            "on l.rule = r.rule and l.key = r.key and l.rec <> r.rec "
            f"union all select l.rec, r.rec from {every} and l.rec < r.rec "
            "join opened_block o on o.rule = l.rule and o.key = l.key"
        )
    con.execute(f"create or replace temp table {target} as select distinct left_rec, right_rec from ({pairs})")
