"""Match records: exact rules, weights and decisions, into clusters; only what is new is compared again.

The state between two runs is in schema `identity` of the connection; without it everything is compared anew, with the
same result, since a pair's weight is a function of the two records and the model alone.

Tables of schema identity:
    standard_customer: STANDARD, `form` (hash of what the record says; records that say the same share it) and
        `raw_hash` (of what the source wrote).
    form_pair: kind, left_form < right_form, weight (log2 odds), rule (exact rule that holds, else null), evidence
        (JSON: comparison → [level in words, weight, adjustment]); pairs from REVIEW on, or with a rule.
    known_form: kind, form, model: what has been compared, with which model.
    large_block: kind, rule (its place), key: the blocks that were too large to compare.
    uncompared: kind, rule, value, records, pairs: blocks too large to compare.
    shared_value: rule, value, records, names: values of too many different people; they are taken out of the records.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from models_ml.identity import blocking, weights
from models_ml.identity.blocking import quote
from models_ml.identity.clusters import WEAKEST, Ints, Pairs, cluster
from models_ml.identity.standardise import STANDARD, standardise

# Weights, in log2 odds. A pair is kept from REVIEW on, two groups are one customer from LINK on.
REVIEW, LINK = -3.0, -0.5
# An exact rule counts as much, unless everything else speaks so strongly against it.
RULE_WEIGHT, RULE_LEAST = 8.0, -8.0
# A value with more different names behind it is nobody's own: a switchboard, the shop's own number, a placeholder.
# Names differ here when their initials do, since one person's name is misspelt in many ways.
MOST_NAMES = {"email": 5, "phone": 6, "national_id": 4, "card_no": 5}
INITIALS = (
    "coalesce(left(organisation, 3), "
    "least(left(given, 1), left(family, 1)) || greatest(left(given, 1), left(family, 1)))"
)
PLACEHOLDER_EMAIL = (
    "^(test|none|no|nomail|noemail|noreply|no-reply|donotreply|na|n/a|unknown|unbekannt|keine|kein|null|x+|a+|"
    "anonymous|example|email|mail|nobody|dummy|asdf)@"
)
EXACT_RULES = {
    "national_id": "l.national_id = r.national_id",
    "card_no": "l.card_no = r.card_no",
    "verified_email": "l.email = r.email and l.email_verified and r.email_verified",
    "verified_phone": "list_has_any(l.phones, r.phones) and l.phone_verified and r.phone_verified",
}
COMPARED = [c for c in STANDARD if c not in ("source_system", "customer_id", "title", "legal_form")]

SCHEMA = """
create schema if not exists identity;
create table if not exists identity.form_pair (kind varchar, left_form ubigint, right_form ubigint, weight double,
  rule varchar, evidence varchar);
create table if not exists identity.known_form (kind varchar, form ubigint, model varchar);
create table if not exists identity.large_block (kind varchar, rule utinyint, key ubigint);
create table if not exists identity.uncompared (kind varchar, rule varchar, value varchar, records bigint,
  pairs bigint);
create table if not exists identity.shared_value (rule varchar, value varchar, records bigint, names bigint);
"""


@dataclass(frozen=True)
class Bound:
    """What binds the clusters: tables of left_system, left_customer_id, right_system, right_customer_id."""

    together: str
    apart: str


def digest(values: list[str]) -> str:
    """SQL of a 64-bit number for several values, null or not. DuckDB's own hash of text collides in structured cases
    (docs/decisions/0004-keys.md), and two records with one form are taken for the same."""
    parts = ", ".join(f"coalesce(cast({value} as varchar), chr(30))" for value in values)
    return f"md5_number_lower(concat_ws(chr(31), {parts}))"


def find_shared_values(con: duckdb.DuckDBPyConnection, standard: str) -> None:
    """Fill identity.shared_value from table `standard`: values that belong to nobody alone, and placeholders.

    A number or address that one system has of organisations at several places is the company's, not a branch's: the
    switchboard, the tax number. It does not tell which branch a record is, so it links none.
    """
    con.execute("delete from identity.shared_value")
    for rule, column in (("email", "[email]"), ("phone", "phones"), ("national_id", "[national_id]"),
                         ("card_no", "[card_no]")):  # fmt: skip
        digits = "regexp_replace(value, '\\D', '', 'g')"
        placeholder = (
            f"regexp_matches(value, {quote(PLACEHOLDER_EMAIL)})" if rule == "email"
            else f"length(translate({digits}, left(right({digits}, 3), 1), '')) < 3 or {digits} like '%1234567%'"
        )  # fmt: skip
        given = (
            f"(select unnest({column}) as value, source_system, kind, organisation, given, family, "
            f"coalesce(postal_code, city) as place, coalesce(postal_code, city) || ' ' || house_no as door "
            f"from {standard})"
        )
        least = MOST_NAMES[rule]
        con.execute(
            f"""
            insert into identity.shared_value
            with often as (
              select value from {given} where value is not null group by value
              having count(*) > {least} or (({placeholder}) and count(*) > 1)
                or count(distinct case when kind = 'organisation' then coalesce(door, place) end) > 1
            ),
            seen as (select * from {given} semi join often using (value)),
            branches as (
              select distinct value from seen where kind = 'organisation'
              group by value, source_system having count(distinct place) > 1 or count(distinct door) > 1
            )
            select {quote(rule)}, value, count(*), count(distinct {INITIALS}) from seen left join (
              select value, true as is_company from branches) using (value)
            group by value
            having count(distinct {INITIALS}) > {least} or bool_or({placeholder}) or bool_or(is_company)
            """
        )


def make_forms(con: duckdb.DuckDBPyConnection, once_systems: list[str]) -> None:
    """Temporary table `standard`: the standard records without values that belong to nobody alone, and `form`.

    Records that say the same are one form and are compared once. Records that say too little to be recognised by,
    that decisions or relations bind, or that a system holds once, are forms of their own.

    Args:
        con: holds identity.standard_customer and the temporary tables present (source_system, customer_id), together
            and apart (see Bound).
        once_systems: systems that hold each customer once.
    """
    find_shared_values(con, "identity.standard_customer")
    shared = "(select value from identity.shared_value where rule = '{}')"
    once = ", ".join(quote(name) for name in once_systems) or "''"
    own = (
        f"case when b.customer_id is not null or c.source_system in ({once}) "
        "or coalesce(organisation, name_key) is null "
        "or coalesce(birth_date::varchar, email, phones[1], national_id, card_no, street || house_no) is null "
        "then c.source_system || chr(31) || c.customer_id end"
    )
    con.execute(
        f"""
        create or replace temp table standard as
        with shared_phone as (
          select coalesce(list(value), []) as numbers from identity.shared_value where rule = 'phone'
        ),
        clean as (
          select * exclude (raw_hash, numbers) replace (
            case when email not in {shared.format("email")} then email end as email,
            nullif(list_filter(phones, lambda p: not list_contains(numbers, p)), []) as phones,
            case when national_id not in {shared.format("national_id")} then national_id end as national_id,
            case when card_no not in {shared.format("card_no")} then card_no end as card_no)
          from identity.standard_customer semi join present using (source_system, customer_id)
          cross join shared_phone
        ),
        bound as (
          select left_system as source_system, left_customer_id as customer_id from together
          union select right_system, right_customer_id from together
          union select left_system, left_customer_id from apart union select right_system, right_customer_id from apart
        )
        select c.*, {digest([*COMPARED, own])} as form
        from clean c left join bound b using (source_system, customer_id)
        """
    )


def make_entry(con: duckdb.DuckDBPyConnection, kind: str, standard: str, unique_systems: list[str]) -> None:
    """Temporary tables `entry` (a row per form) and `member` (record → rec) of the records of a kind."""
    named = "source_system || chr(31) || customer_id"
    con.execute(
        f"""
        create or replace temp table first_of_form as
        select form, first_name, row_number() over (order by first_name)::integer - 1 as rec
        from (select form, min({named}) as first_name from {standard} where kind = {quote(kind)} group by form)
        """
    )
    con.execute(
        "create or replace temp table member as select source_system, customer_id, form, rec "
        f"from {standard} join first_of_form using (form) where kind = {quote(kind)}"
    )
    systems = ", ".join(quote(name) for name in unique_systems) or "''"
    made = ", ".join(f"{sql} as {name}" for name, sql in weights.MADE.items())
    con.execute(
        f"""
        create or replace temp table entry as
        select f.rec, s.*, {made}, case when s.source_system in ({systems}) then s.source_system end as unique_system
        from {standard} s join first_of_form f on f.form = s.form and f.first_name = {named} where kind = {quote(kind)}
        """
    )


def evidence(kind: str) -> str:
    """SQL of a scored pair's evidence as JSON: comparison → [level in words, weight, adjustment for rarity]."""
    parts = []
    for c in weights.COMPARISONS[kind]:
        adjusted = f"coalesce(round(mw_tf_adj_{c.name}, 3), 0)" if c.frequency else "0"
        labels = [*(label for label, _, _ in c.levels), "nothing agrees"][::-1]
        level = " ".join(f"when {i} then {quote(json.dumps(label))}" for i, label in enumerate(labels))
        parts.append(
            f"case when gamma_{c.name} >= 0 then '\"{c.name}\":[' || case gamma_{c.name} {level} end || ',' || "
            f"round(mw_{c.name}, 3) || ',' || {adjusted} || ']' end"
        )
    return "'{' || concat_ws(',', " + ", ".join(parts) + ") || '}'"


def find_fresh(con: duckdb.DuckDBPyConnection, kind: str, name: str) -> int:
    """Make `fresh_form` (rec, form) of the entries that are not compared yet, forget what is gone; returns how many
    both are.

    Args:
        con: see the module; holds `entry`.
        kind: person or organisation.
        name: of the model; forms compared by another are compared again.
    """
    con.execute("delete from identity.known_form where kind = $k and model <> $m", {"k": kind, "m": name})
    con.execute(
        "create or replace temp table fresh_form as select rec, form from entry "
        f"where form not in (select form from identity.known_form where kind = {quote(kind)})"
    )
    con.execute(
        "delete from identity.form_pair where kind = $k and (left_form not in (select form from entry) "
        "or right_form not in (select form from entry) or left_form in (select form from fresh_form) "
        "or right_form in (select form from fresh_form))",
        {"k": kind},
    )
    gone = con.execute(
        "delete from identity.known_form where kind = $k and form not in (select form from entry)", {"k": kind}
    ).fetchone()
    fresh = con.execute("select count(*) from fresh_form").fetchone()
    return sum(int(count[0]) for count in (gone, fresh) if count)


def compare(con: duckdb.DuckDBPyConnection, kind: str, model: weights.Model, name: str, pairs: str) -> int:
    """Weigh pairs into identity.form_pair, and note `fresh_form` as compared; returns how many pairs it were.

    Args:
        con: see the module; holds `entry` and the frequency tables.
        kind: person or organisation.
        model: the weights.
        name: of the model.
        pairs: table of every pair that shares a block; of those that are weighed already it is cleared.
    """
    con.execute(
        "create or replace temp table known_pair as select least(l.rec, r.rec) as left_rec, "
        "greatest(l.rec, r.rec) as right_rec from identity.form_pair p join entry l on l.form = left_form "
        "join entry r on r.form = right_form where p.kind = $k",
        {"k": kind},
    )
    same = f"{pairs}.left_rec = k.left_rec and {pairs}.right_rec = k.right_rec"
    con.execute(f"delete from {pairs} using known_pair k where {same}")
    found = con.execute(f"select count(*) from {pairs}").fetchone()
    compared = int(found[0]) if found else 0
    if compared:
        weights.make_likely(con, pairs, model, "likely_pair", REVIEW)
        blocking.make_exact_pairs(con, kind, pairs, "exact_pair")
        weights.make_likely(con, "exact_pair", model, "likely_exact_pair", RULE_LEAST)
        con.execute("insert into likely_pair from likely_exact_pair anti join likely_pair using (left_rec, right_rec)")
        weights.score_pairs(con, "likely_pair", model, "new_scored", RULE_LEAST)
        rules = " ".join(f"when {condition} then {quote(rule)}" for rule, condition in EXACT_RULES.items())
        con.execute(
            f"""
            insert into identity.form_pair
            select {quote(kind)}, least(l.form, r.form), greatest(l.form, r.form), match_weight,
              case {rules} end as rule, {evidence(kind)}
            from new_scored s join entry l on l.rec = s.rec_l join entry r on r.rec = s.rec_r
            where match_weight >= {REVIEW} or case {rules} end is not null
            """
        )
    con.execute("insert into identity.known_form select $k, form, $m from fresh_form", {"k": kind, "m": name})
    return compared


def make_clusters(con: duckdb.DuckDBPyConnection, kind: str, model: weights.Model, bound: Bound) -> None:
    """Temporary table `cluster_<kind>`: source_system, customer_id, cluster_system, cluster_id, rule, weight."""
    records = con.execute("select coalesce(max(rec) + 1, 0) from entry").fetchone()
    size = int(records[0]) if records else 0
    edges: Any = con.execute(
        f"""
        select l.rec::bigint as a, r.rec::bigint as b,
          case when rule is not null then greatest(weight, {RULE_WEIGHT}) else weight end as weight
        from identity.form_pair p join entry l on l.form = left_form join entry r on r.form = right_form
        where p.kind = {quote(kind)} order by a, b
        """
    ).fetchnumpy()

    def bounded(table: str) -> tuple[Ints, Ints]:
        found: Any = con.execute(
            f"""
            select distinct least(l.rec, r.rec)::bigint as a, greatest(l.rec, r.rec)::bigint as b from {table} d
            join member l on l.source_system = left_system and l.customer_id = left_customer_id
            join member r on r.source_system = right_system and r.customer_id = right_customer_id
            where l.rec <> r.rec order by a, b
            """
        ).fetchnumpy()
        return found["a"].astype(np.int64), found["b"].astype(np.int64)

    def score(left: Ints, right: Ints) -> Pairs:
        con.register("inner_arrow", pa.table({"left_rec": left.astype("int32"), "right_rec": right.astype("int32")}))
        con.execute("create or replace temp table inner_pair as select * from inner_arrow")
        con.unregister("inner_arrow")
        # A pair that weighs less than WEAKEST counts as that much.
        weights.make_likely(con, "inner_pair", model, "inner_likely", WEAKEST)
        weights.score_pairs(con, "inner_likely", model, "inner_scored", WEAKEST)
        found: Any = con.execute(
            "select rec_l::bigint as a, rec_r::bigint as b, match_weight as w from inner_scored order by a, b"
        ).fetchnumpy()
        return found["a"].astype(np.int64), found["b"].astype(np.int64), found["w"]

    systems: Any = con.execute(
        "select coalesce(dense_rank() over (order by unique_system) * (unique_system is not null)::int, 0) as s "
        "from entry order by rec"
    ).fetchnumpy()["s"].astype(np.int64)  # fmt: skip
    pairs = (np.minimum(edges["a"], edges["b"]), np.maximum(edges["a"], edges["b"]), edges["weight"])
    labels = cluster(size, pairs, bounded(bound.together), bounded(bound.apart), REVIEW, LINK, score, systems)
    con.register(
        "label_arrow", pa.table({"rec": np.arange(size, dtype=np.int32), "first_rec": labels.astype(np.int32)})
    )
    con.execute("create or replace temp table label as select * from label_arrow")
    con.unregister("label_arrow")
    con.execute(
        f"""
        create or replace temp table cluster_{kind} as
        with edge as (
          select l.rec as a, r.rec as b, p.rule, p.weight from identity.form_pair p
          join entry l on l.form = left_form join entry r on r.form = right_form
          join label x on x.rec = l.rec join label y on y.rec = r.rec and y.first_rec = x.first_rec
          where p.kind = {quote(kind)}
          union all
          select m.rec, n.rec, 'manual', null from {bound.together} d
          join member m on m.source_system = left_system and m.customer_id = left_customer_id
          join member n on n.source_system = right_system and n.customer_id = right_customer_id
        ),
        best as (
          select rec, rule, weight from (
            select a as rec, b as other, rule, weight from edge union all select b, a, rule, weight from edge
          ) qualify row_number() over (partition by rec order by (rule = 'manual') desc nulls last,
            (rule is not null) desc, weight desc nulls last, other) = 1
        ),
        size as (select first_rec, count(*) as records from label join member using (rec) group by all)
        select m.source_system, m.customer_id, f.source_system as cluster_system, f.customer_id as cluster_id,
          case when size.records = 1 then 'source_key' when best.rec is null then 'identical'
            else coalesce(best.rule, 'fuzzy') end as rule,
          case when size.records > 1 and best.rule is null then best.weight end as weight
        from member m join label using (rec) join entry f on f.rec = label.first_rec
        join size using (first_rec) left join best on best.rec = m.rec
        """
    )


def model_name(model: weights.Model) -> str:
    """Name of a model: a hash of its parameters."""
    text = json.dumps([model.m, model.u, model.chance, weights.COMPARISONS[model.kind]], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def resolve_records(con: duckdb.DuckDBPyConnection, records: str, country: str) -> None:
    """Match a table of raw records once, with nothing remembered: makes `cluster_person` and `cluster_organisation`.

    Args:
        con: a connection of its own; schema identity is made in it.
        records: table with the columns of RAW.
        country: ISO 3166 code of the country that local telephone numbers are dialled in.
    """
    con.execute(SCHEMA)
    standardise(con, f"(select *, 0::bigint as raw_hash from {records})",
                "create or replace table identity.standard_customer as", country, ["raw_hash"])  # fmt: skip
    con.execute(f"create or replace temp table present as select distinct source_system, customer_id from {records}")
    sides = "left_system varchar, left_customer_id varchar, right_system varchar, right_customer_id varchar"
    for bound in ("together", "apart"):
        con.execute(f"create or replace temp table {bound} ({sides})")
    make_forms(con, [])
    for kind in blocking.RULES:
        make_entry(con, kind, "standard", [])
        blocking.make_blocks(con, kind)
        weights.make_frequencies(con, kind)
        blocking.make_pairs(con, "new_pair")
        if con.execute("select count(*) from new_pair").fetchone() == (0,):
            model = weights.prior_model(con, kind)
        else:
            model = weights.train(con, kind, "new_pair")
        find_fresh(con, kind, model_name(model))
        compare(con, kind, model, model_name(model), "new_pair")
        make_clusters(con, kind, model, Bound("together", "apart"))
