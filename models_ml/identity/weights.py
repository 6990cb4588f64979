"""How like two records are: a Fellegi-Sunter model for persons and one for organisations, scored by Splink.

Each comparison has levels from agreement to disagreement. A level's weight is log2(m / u): m is the share of true
pairs that fall into it, u that of random pairs. u is counted on random pairs of the company's own records, m is
learnt by expectation maximisation and held near the stated priors, so that a small or odd set of records cannot
carry it off. Fellegi and Sunter, A Theory for Record Linkage (1969); Winkler (1988) for term frequencies.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

# (label, SQL condition with {l} and {r} for the sides, m of true pairs)
Level = tuple[str, str, float]


@dataclass(frozen=True)
class Comparison:
    """One comparison: when it says nothing, its levels from best to worst, m of the level where nothing agrees."""

    name: str
    null: str
    levels: tuple[Level, ...]
    otherwise: float
    frequency: str | None = None  # column whose rarity adjusts the first level
    fixed: bool = field(default=False)  # m = u: the comparison only carries the adjustment


def same(column: str) -> str:
    """SQL: both sides hold the same."""
    return f"{column}_l = {column}_r"


def alike(column: str, least: float, other: str | None = None) -> str:
    """SQL: a column is like the other side's, by Jaro and Winkler."""
    return f"jaro_winkler_similarity({column}_l, {other or column}_r) >= {least}"


def missing(*columns: str) -> str:
    """SQL: one of the sides lacks one of the columns."""
    return "(" + " or ".join(f"{c}_l is null or {c}_r is null" for c in columns) + ")"


INITIAL = "((length(given_l) = 1 or length(given_r) = 1) and left(given_l, 1) = left(given_r, 1))"
NICKNAME = "list_has_any(given_roots_l, given_roots_r)"
STARTS = "(length(given_l) >= 3 and length(given_r) >= 3 and (starts_with(given_l, given_r) or starts_with(given_r, given_l)))"
OTHER_HAN = "(han_l is not null and han_r is not null and han_l <> han_r)"
# Zhang and Huang look alike in letters only: other characters are another name, unless they sound the same.
UNLIKE_HAN = f"({OTHER_HAN} and name_key_l <> name_key_r)"

NAME = Comparison(
    "name",
    "(given_l is null and family_l is null) or (given_r is null and family_r is null) or "
    "(given_l is null and family_r is null) or (family_l is null and given_r is null)",
    (
        ("same name", f"name_key_l = name_key_r and given_l is not null and family_l is not null and not {OTHER_HAN}", 0.6),
        ("same but for a middle name", f"given_l = given_r and family_l = family_r and not {OTHER_HAN}", 0.05),
        ("same family name, given name short or alike",
         f"family_l = family_r and not {OTHER_HAN} and ({INITIAL} or {NICKNAME} or {STARTS} or {alike('given', 0.88)})", 0.10),
        ("parts swapped, one short or alike",
         f"not {OTHER_HAN} and (family_l = given_r and ({alike('given', 0.88, 'family')} or left(given_l, 1) = family_r or given_l = left(family_r, 1))"
         f" or given_l = family_r and ({alike('family', 0.88, 'given')}) or family_r = given_l and left(family_l, 1) = given_r)", 0.02),
        ("same given name, family name alike", f"({NICKNAME} or given_l = given_r) and {alike('family', 0.82)} and not {UNLIKE_HAN}", 0.09),
        ("both alike", f"not {UNLIKE_HAN} and (({alike('given', 0.8)} or {INITIAL}) and {alike('family', 0.82)} or "
         f"{alike('given', 0.85, 'family')} and {alike('family', 0.85, 'given')})", 0.03),
        ("same family name only", "family_l = family_r or family_l = given_r and given_l is null or given_l = family_r and given_r is null", 0.04),
        ("same given name only", f"given_l = given_r or {NICKNAME}", 0.05),
    ),
    0.02,
)  # fmt: skip
FAMILY_RARITY = Comparison("family_rarity", missing("family"), (("same", same("family"), 0.5),), 0.5, "family", True)
GIVEN_RARITY = Comparison("given_rarity", missing("given"), (("same", same("given"), 0.5),), 0.5, "given", True)
# Two dates of eight digits: a slip in one, or two neighbours swapped.
SLIP = "(hamming(born_l, born_r) <= 1 or (hamming(born_l, born_r) = 2 and damerau_levenshtein(born_l, born_r) = 1))"
BORN = Comparison(
    "birth_date",
    missing("born"),
    (
        ("same day", same("birth_date"), 0.85),
        ("one digit differs, or two are swapped", f"{SLIP} or "
         "(year(birth_date_l) = year(birth_date_r) and month(birth_date_l) = day(birth_date_r) and day(birth_date_l) = month(birth_date_r))", 0.07),
        ("two digits differ", "hamming(born_l, born_r) <= 2", 0.03),
        ("same year", "year(birth_date_l) = year(birth_date_r)", 0.02),
        # A father's name and address are often his son's.
        ("up to twelve years apart", "abs(year(birth_date_l) - year(birth_date_r)) <= 12", 0.02),
    ),
    0.01,
    "birth_date",
)  # fmt: skip
SAME_HOUSE = "house_no_l is not distinct from house_no_r"
ADDRESS = Comparison(
    "address",
    "coalesce(postal_code_l, street_l, city_l) is null or coalesce(postal_code_r, street_r, city_r) is null or "
    "not ((postal_code_l is not null and postal_code_r is not null) or (street_l is not null and street_r is not null)"
    " or (city_l is not null and city_r is not null))",
    (
        ("same address", f"street_l = street_r and {SAME_HOUSE} and (postal_code_l = postal_code_r or city_l = city_r)", 0.45),
        ("address alike", f"{alike('street', 0.85)} and ({SAME_HOUSE} or postal_code_l = postal_code_r) and "
         "(postal_code_l = postal_code_r or damerau_levenshtein(postal_code_l, postal_code_r) <= 1 or "
         f"{alike('city', 0.9)})", 0.2),
        ("same street in another place, or house number of the same postal code", f"{alike('street', 0.92)} and {SAME_HOUSE} or "
         "postal_code_l = postal_code_r and house_no_l = house_no_r", 0.05),
        ("same postal code", same("postal_code"), 0.08),
        ("same city", f"{alike('city', 0.93)} or "
         "left(postal_code_l, greatest(length(postal_code_l) - 3, 2)) = left(postal_code_r, greatest(length(postal_code_r) - 3, 2)) and length(postal_code_l) > 5", 0.1),
    ),
    0.12,
)  # fmt: skip
POSTAL_RARITY = Comparison(
    "postal_rarity", missing("postal_code"), (("same", same("postal_code"), 0.5),), 0.5, "postal_code", True
)
# Mailboxes and companies are numbered where names are common: another number is another one.
NUMBERED = "{0}_number_l = {0}_number_r"
EMAIL = Comparison(
    "email",
    missing("email"),
    (
        ("same address", same("email"), 0.75),
        ("same mailbox at another provider", "mailbox_l = mailbox_r and length(mailbox_l) > 4", 0.06),
        ("alike", f"{NUMBERED.format('mailbox')} and {alike('mailbox', 0.92)} and length(mailbox_l) > 4", 0.08),
    ),
    0.11,
)  # fmt: skip
COMPANY_EMAIL = Comparison(
    "email",
    missing("email"),
    (
        ("same address", same("email"), 0.75),
        ("mailbox alike at the same provider", f"email_domain_l = email_domain_r and {NUMBERED.format('mailbox')} and {alike('mailbox', 0.92)}", 0.06),
    ),
    0.19,
)  # fmt: skip
PHONE = Comparison("phone", missing("phones"), (("a common number", "list_has_any(phones_l, phones_r)", 0.7),), 0.3)
NATIONAL_ID = Comparison(
    "national_id",
    missing("national_id"),
    (
        ("same", same("national_id"), 0.88),
        ("up to two characters differ", "length(national_id_l) > 5 and levenshtein(national_id_l, national_id_r) <= 4 and damerau_levenshtein(national_id_l, national_id_r) <= 2", 0.08),
    ),
    0.04,
)  # fmt: skip
GENDER = Comparison("gender", missing("gender"), (("same", same("gender"), 0.97),), 0.03)
OCCUPATION = Comparison(
    "occupation", missing("occupation"), (("same", same("occupation"), 0.7), ("alike", alike("occupation", 0.85), 0.1)), 0.2,
    "occupation",
)  # fmt: skip
COMPANY = Comparison(
    "organisation",
    missing("organisation"),
    (
        ("same name", same("organisation"), 0.8),
        ("alike", f"{NUMBERED.format('organisation')} and {alike('organisation', 0.94)}", 0.12),
        # Müller Technik and Müller Technik Filiale Nord
        ("one adds words to the other", "starts_with(organisation_l, organisation_r || ' ') or starts_with(organisation_r, organisation_l || ' ')", 0.06),
        ("begins alike", alike("organisation", 0.85), 0.04),
    ),
    0.04,
    "organisation",
)  # fmt: skip

COMPARISONS: dict[str, tuple[Comparison, ...]] = {
    "person": (
        NAME,
        FAMILY_RARITY,
        GIVEN_RARITY,
        BORN,
        ADDRESS,
        POSTAL_RARITY,
        EMAIL,
        PHONE,
        NATIONAL_ID,
        GENDER,
        OCCUPATION,
    ),
    "organisation": (COMPANY, ADDRESS, POSTAL_RARITY, COMPANY_EMAIL, PHONE, NATIONAL_ID),
}
# A value rarer than this counts as this rare: one that occurs once may be a slip.
RARE = 1e-5
RANDOM_PAIRS = 500_000
TRAINING_PAIRS = 500_000
# What the rarity of all values of a pair may add to its weight, for leaving out pairs before it is looked up.
RARITY = 12.0
ROUNDING = 1e-3  # between Splink's sum and ours
DIGITS = "regexp_replace({0}, '\\D', '', 'g')"
# Columns of `entry` that are made of those of STANDARD, so that they are not made again for each pair.
MADE = {
    "born": "case when year(birth_date) between 1000 and 9999 then strftime(birth_date, '%Y%m%d') end",
    "mailbox": "split_part(email, '@', 1)",
    "mailbox_number": DIGITS.format("split_part(email, '@', 1)"),
    "email_domain": "split_part(email, '@', 2)",
    "organisation_number": DIGITS.format("organisation"),
}
# Columns of `entry` that comparisons read.
USED = (
    *MADE,
    "given", "family", "han", "name_key", "given_roots", "gender", "birth_date", "email", "phones", "national_id",
    "street", "house_no", "city", "postal_code", "occupation", "organisation",
)  # fmt: skip
ROUNDS = 30
# Pairs that the prior counts for beside what is observed.
PRIOR_PAIRS_M = 200
PRIOR_PAIRS_U = 1_000
PRIOR_U = 1e-3
# ... and as a share of the matches found: half of m is the prior's, half the data's.
PRIOR_SHARE = 1.0


@dataclass(frozen=True)
class Model:
    """A trained model: m and u by comparison and level, and the chance that two random records are one customer."""

    kind: str
    m: dict[str, list[float]]
    u: dict[str, list[float]]
    chance: float

    def settings(self) -> dict[str, Any]:
        """Splink's settings; a file of them opens in Splink."""
        return {
            "link_type": "dedupe_only",
            "unique_id_column_name": "rec",
            "probability_two_random_records_match": self.chance,
            "comparisons": [comparison_settings(c, self.m, self.u) for c in COMPARISONS[self.kind]],
            "blocking_rules_to_generate_predictions": [],
            "retain_intermediate_calculation_columns": True,
            "retain_matching_columns": True,
        }


def comparison_settings(comparison: Comparison, m: dict[str, list[float]], u: dict[str, list[float]]) -> dict[str, Any]:
    """Splink's settings of a comparison."""
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.null, "label_for_charts": "nothing to compare", "is_null_level": True}
    ]
    labels = [(label, condition) for label, condition, _ in comparison.levels] + [("nothing agrees", "ELSE")]
    for i, (label, condition) in enumerate(labels):
        level: dict[str, Any] = {
            "sql_condition": condition,
            "label_for_charts": label,
            "m_probability": m[comparison.name][i],
            "u_probability": u[comparison.name][i],
        }
        if comparison.frequency and i == 0:
            level |= {
                "tf_adjustment_column": comparison.frequency,
                "tf_adjustment_weight": 1.0,
                "tf_minimum_u_value": RARE,
                "disable_tf_exact_match_detection": True,
            }
        levels.append(level)
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def frequency_table(column: str) -> str:
    """Name of the table of a column's term frequencies: its value, and tf_<column>."""
    return f"frequency_{column}"


def make_frequencies(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Count how common each value is among the records of `entry`, for the columns whose rarity counts."""
    for column in {c.frequency for c in COMPARISONS[kind] if c.frequency}:
        con.execute(
            f"create or replace temp table {frequency_table(column)} as select {column}, "
            f"count(*) / sum(count(*)) over () as tf_{column} from entry where {column} is not null group by {column}"
        )


def score_pairs(
    con: duckdb.DuckDBPyConnection, pairs: str, model: Model, target: str, least: float | None = None
) -> None:
    """Make `target`: rec_l, rec_r, match_weight (log2 odds), and per comparison its level (gamma_…) and weight (mw_…).

    Args:
        con: holds `entry` and the frequency tables.
        pairs: table of left_rec, right_rec.
        model: the trained model.
        target: name of the table to make.
        least: pairs of a lower weight are left out.
    """
    from splink import DuckDBAPI, Linker

    con.execute(f"create or replace temp view given_pairs as "
                f"select left_rec as join_key_l, right_rec as join_key_r, '0' as match_key from {pairs}")  # fmt: skip
    con.execute(f"create or replace temp view given_entry as select rec, {', '.join(USED)} from entry")
    with scratch(con):
        api = DuckDBAPI(con)
        linker = Linker(api.register("given_entry"), model.settings(), log_level=logging.ERROR)
        tables = linker.table_management
        for column in {c.frequency for c in COMPARISONS[model.kind] if c.frequency}:
            tables.register_term_frequency_lookup(api.register(frequency_table(column)), column)
        tables.register_blocked_pairs_for_predict(api.register("given_pairs"))
        found = linker.inference.predict(threshold_match_weight=least, warning_mode="never")
        con.execute(f"create or replace temp table {target} as "
                    f"select * replace (round(match_weight, 6) as match_weight) from {found.physical_name}")  # fmt: skip


@contextlib.contextmanager
def scratch(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Where Splink makes its tables: a database in memory, since they are not temporary ones and would be written to
    the warehouse's file."""
    row = con.execute("select current_database(), current_schema()").fetchone()
    con.execute("attach ':memory:' as splink_scratch; use splink_scratch")
    try:
        yield
    finally:
        con.execute(f'use "{row[0]}"."{row[1]}"' if row else "use memory")
        con.execute("detach splink_scratch")


def make_random_pairs(con: duckdb.DuckDBPyConnection, target: str, most: int = RANDOM_PAIRS) -> None:
    """Make `target`: pairs of records that have nothing to do with each other, the same ones in each run.

    The records are put in the order of a hash of their id and each is paired with its next neighbours.
    """
    found = con.execute("select count(*) from entry").fetchone()
    records = found[0] if found else 0
    steps = max(1, min((records - 1) // 2, most // max(records, 1)))
    con.execute(
        f"""
        create or replace temp table {target} as
        with shuffled as (
          select rec, row_number() over (order by md5(source_system || chr(31) || customer_id), rec) - 1 as place from entry
        )
        select least(l.rec, r.rec) as left_rec, greatest(l.rec, r.rec) as right_rec
        from (select rec, unnest(range(place + 1, place + {steps} + 1)) % {max(records, 1)} as place
          from shuffled where place < {most}) l
        join shuffled r using (place) where l.rec <> r.rec
        """
    )


def levels_sql(kind: str, pairs: str, carried: Iterable[str] = ()) -> str:
    """SQL of pairs with their level of each comparison (gamma_…), numbered as Splink does: 0 is the last, -1 nothing.

    The same conditions as Splink's, without what Splink keeps of each pair: for counting, and for leaving out pairs
    that have no chance.

    Args:
        kind: person or organisation.
        pairs: table of left_rec, right_rec.
        carried: columns of the left record to pass on.
    """
    sides = [f"(select rec as rec_{side}, {', '.join(f'{c} as {c}_{side}' for c in USED)} from entry)" for side in "lr"]
    levels = ", ".join(
        f"case when {c.null} then -1 "
        + " ".join(f"when {sql} then {len(c.levels) - i}" for i, (_, sql, _) in enumerate(c.levels))
        + f" else 0 end as gamma_{c.name}"
        for c in COMPARISONS[kind]
    )
    passed = "".join(f", {name}_l as {name}" for name in carried)
    return (
        f"select left_rec, right_rec, {levels}{passed} from {pairs} join {sides[0]} on rec_l = left_rec "
        f"join {sides[1]} on rec_r = right_rec"
    )


def level_weights(comparison: Comparison, model: Model) -> NDArray[np.float64]:
    """Weight of each level in log2 odds, in Splink's order: the last level first."""
    return np.asarray(np.log2(np.array(model.m[comparison.name]) / np.array(model.u[comparison.name]))[::-1])


def make_likely(con: duckdb.DuckDBPyConnection, pairs: str, model: Model, target: str, least: float) -> None:
    """Make `target`: the pairs that weigh `least` or more, rarity included, but for the last digits.

    Splink then scores these few; most pairs that share a block weigh far less.
    """
    comparisons = COMPARISONS[model.kind]
    total = f"{math.log2(model.chance / (1 - model.chance))!r}"
    for c in comparisons:
        if not c.fixed:
            cases = " ".join(f"when {i} then {w!r}" for i, w in enumerate(level_weights(c, model).tolist()))
            total += f" + case gamma_{c.name} {cases} else 0 end"
    columns = sorted({c.frequency for c in comparisons if c.frequency})
    rarity = "".join(
        f" + case when gamma_{c.name} = {len(c.levels)} then coalesce({math.log2(model.u[c.name][0])!r} - "
        f"log2(greatest({c.frequency}_f.tf_{c.frequency}, {RARE})), 0) else 0 end"
        for c in comparisons if c.frequency
    )  # fmt: skip
    joins = "".join(f" left join {frequency_table(c)} {c}_f on {c}_f.{c} = p.{c}" for c in columns)
    con.execute(
        f"""
        create or replace temp table {target} as
        with promising as (
          select *, {total} as base from ({levels_sql(model.kind, pairs, columns)}) where {total} >= {least - RARITY}
        )
        select left_rec, right_rec from promising p{joins} where base{rarity} >= {least - ROUNDING}
        """
    )


def patterns(con: duckdb.DuckDBPyConnection, pairs: str, kind: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Level patterns of pairs (pattern x comparison, -1 where nothing is compared) and how many pairs have each."""
    names = ", ".join(f"gamma_{c.name}" for c in COMPARISONS[kind])
    found = con.execute(
        f"select {names}, count(*)::double as n from ({levels_sql(kind, pairs)}) group by all order by all"
    ).fetchnumpy()
    columns = [np.asarray(found[f"gamma_{c.name}"], dtype=np.int64) for c in COMPARISONS[kind]]
    return np.stack(columns, axis=1), np.asarray(found["n"], dtype=np.float64)


def prior_model(con: duckdb.DuckDBPyConnection, kind: str) -> Model:
    """The model before training: m as stated, u small."""
    m, u = {}, {}
    for comparison in COMPARISONS[kind]:
        m[comparison.name] = [p for _, _, p in comparison.levels] + [comparison.otherwise]
        u[comparison.name] = [PRIOR_U] * len(comparison.levels) + [1 - PRIOR_U * len(comparison.levels)]
        if comparison.fixed:  # m = u = the chance that two records agree by themselves
            row = con.execute(
                f"select coalesce(sum(tf_{comparison.frequency} ** 2), 1e-4) from {frequency_table(str(comparison.frequency))}"
            ).fetchone()
            chance = min(max(float(row[0]) if row else 1e-4, 1e-9), 0.999)
            m[comparison.name] = u[comparison.name] = [chance, 1 - chance]
    return Model(kind, m, u, 1e-4)


def train(con: duckdb.DuckDBPyConnection, kind: str, pairs: str) -> Model:
    """Learn the model from the records of `entry` and the pairs that share a block.

    u is counted on random pairs, less the true pairs that are among them (a small set of records has many); m and the
    chance of a match by expectation maximisation on the blocked pairs, which hold nearly all true pairs. All sums
    are over counts of level patterns, so the result does not depend on rows' order or threads.
    """
    model = prior_model(con, kind)
    found = con.execute("select count(*) from entry").fetchone()
    records = found[0] if found else 0
    make_random_pairs(con, "random_pair")
    total = con.execute(f"select count(*) from {pairs}").fetchone()
    thinning = max(1, (int(total[0]) if total else 0) // TRAINING_PAIRS)
    random_levels, random_counts = patterns(con, "random_pair", kind)
    # Every so many pairs by a mix of both numbers, so that the sample is the same in each run.
    sample = f"(select * from {pairs} where (left_rec::bigint * 1000003 + right_rec) % {thinning} = 0)"
    levels, counts = patterns(con, sample, kind)
    counts = counts * thinning
    all_pairs = records * (records - 1) / 2
    for _ in range(ROUNDS):
        odds = math.log2(model.chance / (1 - model.chance))
        true_random = posterior(model, random_levels, odds)
        true_blocked = posterior(model, levels, odds)
        matches = float((true_blocked * counts).sum())
        u = shares(model, random_levels, random_counts * (1 - true_random), model.u, PRIOR_PAIRS_U, prior_u=True)
        m = shares(model, levels, counts * true_blocked, model.m, PRIOR_PAIRS_M + PRIOR_SHARE * matches, prior_u=False)
        model = Model(kind, m, u, min(max(matches, 1.0) / max(all_pairs, 1.0), 0.5))
    return rounded(model)


def posterior(model: Model, levels: NDArray[np.int64], odds: float) -> NDArray[np.float64]:
    """Probability of a match of each level pattern."""
    total = np.full(len(levels), odds)
    for i, comparison in enumerate(COMPARISONS[model.kind]):
        if not comparison.fixed:
            found = level_weights(comparison, model)
            total += np.where(levels[:, i] < 0, 0.0, found[np.maximum(levels[:, i], 0)])  # -1: nothing to compare
    return np.asarray(1 / (1 + np.exp2(-np.clip(total, -500, 500))))


def shares(
    model: Model,
    levels: NDArray[np.int64],
    counts: NDArray[np.float64],
    before: dict[str, list[float]],
    prior_pairs: float,
    prior_u: bool,
) -> dict[str, list[float]]:
    """Share of the counted pairs in each level of each comparison, with the prior's pairs added."""
    result = {}
    for i, comparison in enumerate(COMPARISONS[model.kind]):
        if comparison.fixed:
            result[comparison.name] = before[comparison.name]
            continue
        size = len(comparison.levels) + 1
        own = [PRIOR_U] * (size - 1) + [1 - PRIOR_U * (size - 1)] if prior_u else [
            p for _, _, p in comparison.levels] + [comparison.otherwise]  # fmt: skip
        found = np.bincount(levels[levels[:, i] >= 0, i], counts[levels[:, i] >= 0], size)[::-1]
        smooth = found + prior_pairs * np.array(own)
        result[comparison.name] = list(smooth / smooth.sum())
    return result


def rounded(model: Model) -> Model:
    """The model with parameters that print and read back the same."""
    return Model(
        model.kind,
        {name: [float(f"{p:.9g}") for p in values] for name, values in model.m.items()},
        {name: [float(f"{p:.9g}") for p in values] for name, values in model.u.items()},
        float(f"{model.chance:.9g}"),
    )
