"""Weigh pairs of entries: DuckDB counts their levels, the model is learnt from the counts, Splink scores them."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterable, Iterator, Mapping

import duckdb
import numpy as np

from models_ml.identity.comparisons import COMPARISONS, USED
from models_ml.identity.weights import (
    RARE,
    TRAINING_PAIRS,
    Model,
    Patterns,
    frequency_columns,
    level_weights,
    prior_model,
    train,
)
from orchestration.identity.relations import SQL, Entries
from orchestration.platform.literals import quote_name
from orchestration.platform.sql import Expression, Relation, arrays, count, create, drop, fill, run

RANDOM_PAIRS = 500_000
# What the rarity of all values of a pair may add to its weight, for leaving out pairs before it is looked up.
RARITY = 12.0
ROUNDING = 1e-3  # between Splink's sum and ours
# Column → the table of how common each of its values is: the value, and tf_<column>.
Frequencies = Mapping[str, Relation]


def frequency_table(column: str) -> str:
    """Name of the table of a column's term frequencies."""
    return f"frequency_{column}"


def make_frequencies(con: duckdb.DuckDBPyConnection, entries: Entries) -> Frequencies:
    """How common each value is among the entries, for the columns whose rarity counts."""
    return {
        column: create(con, frequency_table(column), SQL["frequency"], entries, column=Expression(column),
                       share=Expression(f"tf_{column}"))
        for column in frequency_columns(entries.kind)
    }  # fmt: skip


def score_pairs(
    con: duckdb.DuckDBPyConnection,
    pairs: Relation,
    entries: Entries,
    model: Model,
    frequencies: Frequencies,
    target: str,
    least: float | None = None,
) -> Relation:
    """Weigh pairs: rec_l, rec_r, match_weight (log2 odds), and per comparison its level (gamma_…) and weight (mw_…).

    Args:
        con: where they are.
        pairs: left_rec, right_rec.
        entries: see there.
        model: the trained model.
        frequencies: of the columns whose rarity counts.
        target: name of the table to make.
        least: pairs of a lower weight are left out.
    """
    from splink import DuckDBAPI, Linker

    given_pairs = create(
        con, "given_pairs", "select left_rec as join_key_l, right_rec as join_key_r, '0' as match_key from {pairs}",
        as_view=True, pairs=pairs,
    )  # fmt: skip
    given_entry = create(con, "given_entry", "select rec, {columns} from {entry}", entries, as_view=True,
                         columns=Expression(", ".join(USED)))  # fmt: skip
    with scratch(con):
        # Splink is given names without a schema; a temporary table is found by its own.
        api = DuckDBAPI(con)
        linker = Linker(api.register(given_entry.name), model.settings(), log_level=logging.ERROR)
        tables = linker.table_management
        for column, table in frequencies.items():
            tables.register_term_frequency_lookup(api.register(table.name), column)
        tables.register_blocked_pairs_for_predict(api.register(given_pairs.name))
        scored = linker.inference.predict(threshold_match_weight=least, warning_mode="never")
        return create(con, target, "select * replace (round(match_weight, 6) as match_weight) from {scored}",
                      scored=Expression(scored.physical_name))  # fmt: skip


@contextlib.contextmanager
def scratch(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Where Splink makes its tables: a database in memory, since they are not temporary ones and would be written to
    the warehouse's file."""
    catalog, schema = run(con, "select current_database(), current_schema()").fetchone() or ("memory", "main")
    run(con, "attach ':memory:' as splink_scratch; use splink_scratch")
    try:
        yield
    finally:
        run(con, "use {before}; detach splink_scratch",
            before=Expression(f"{quote_name(catalog)}.{quote_name(schema)}"))  # fmt: skip


def make_random_pairs(con: duckdb.DuckDBPyConnection, entries: Entries, most: int = RANDOM_PAIRS) -> Relation:
    """Pairs of entries that have nothing to do with each other, the same ones in each run.

    The entries are put in the order of a hash of their id and each is paired with its next neighbours.
    """
    records = count(con, entries.entry)
    steps = max(1, min((records - 1) // 2, most // max(records, 1)))
    return create(con, "random_pair", SQL["random_pair"], entries, steps=steps, records=max(records, 1), most=most)


def levels_sql(entries: Entries, pairs: Relation | Expression, carried: Iterable[str] = ()) -> Expression:
    """SQL of pairs with their level of each comparison (gamma_…), numbered as Splink does: 0 is the last, -1 nothing.

    The same conditions as Splink's, without what Splink keeps of each pair: for counting, and for leaving out pairs
    that have no chance.

    Args:
        entries: see there.
        pairs: left_rec, right_rec.
        carried: columns of the left entry to pass on.
    """
    levels = ", ".join(
        f"case when {c.null} then -1 "
        + " ".join(f"when {sql} then {len(c.levels) - i}" for i, (_, sql, _) in enumerate(c.levels))
        + f" else 0 end as gamma_{c.name}"
        for c in COMPARISONS[entries.kind]
    )
    left, right = (Expression(", ".join(f"{c} as {c}_{side}" for c in USED)) for side in "lr")
    return fill(
        SQL["pair_levels"], entries, pairs=pairs, levels=Expression(levels), left_columns=left, right_columns=right,
        carried=Expression("".join(f", {name}_l as {name}" for name in carried)),
    )  # fmt: skip


def make_likely(
    con: duckdb.DuckDBPyConnection,
    pairs: Relation,
    entries: Entries,
    model: Model,
    frequencies: Frequencies,
    target: str,
    least: float,
) -> Relation:
    """The pairs that weigh `least` or more, rarity included, but for the last digits.

    Splink then scores these few; most pairs that share a block weigh far less.

    Args:
        con, pairs, entries, model, frequencies, target: as of `score_pairs`.
        least: the weight.
    """
    comparisons = COMPARISONS[model.kind]
    total = repr(math.log2(model.chance / (1 - model.chance)))
    for c in comparisons:
        if not c.fixed:
            cases = " ".join(f"when {i} then {w!r}" for i, w in enumerate(level_weights(c, model).tolist()))
            total += f" + case gamma_{c.name} {cases} else 0 end"
    rarity = "".join(
        f" + case when gamma_{c.name} = {len(c.levels)} then coalesce({math.log2(model.u[c.name][0])!r} - "
        f"log2(greatest({c.frequency}_f.tf_{c.frequency}, {RARE})), 0) else 0 end"
        for c in comparisons if c.frequency
    )  # fmt: skip
    joins = " ".join(
        fill("left join {table} as {alias} on {alias}.{column} = p.{column}", table=table, alias=Expression(f"{c}_f"),
             column=Expression(c))
        for c, table in frequencies.items()
    )  # fmt: skip
    return create(
        con, target, SQL["likely_pair"], total=Expression(total), levels=levels_sql(entries, pairs, frequencies),
        joins=Expression(joins), rarity=Expression(rarity), least_base=least - RARITY, least=least - ROUNDING,
    )  # fmt: skip


def patterns(con: duckdb.DuckDBPyConnection, pairs: Relation | Expression, entries: Entries) -> Patterns:
    """Level patterns of pairs, and how many pairs have each."""
    names = [f"gamma_{c.name}" for c in COMPARISONS[entries.kind]]
    counted = arrays(run(
        con, "select {names}, count(*)::double as pairs from ({levels}) group by all order by all",
        names=Expression(", ".join(names)), levels=levels_sql(entries, pairs),
    ))  # fmt: skip
    levels = np.stack([np.asarray(counted[name], dtype=np.int64) for name in names], axis=1)
    return Patterns(levels, np.asarray(counted["pairs"], dtype=np.float64))


def untrained(con: duckdb.DuckDBPyConnection, entries: Entries, frequencies: Frequencies) -> Model:
    """The model before training."""
    agreement = {}
    for column, table in frequencies.items():
        row = run(con, "select coalesce(sum({share} ** 2), 1e-4) from {table}", table=table,
                  share=Expression(f"tf_{column}")).fetchone()  # fmt: skip
        agreement[column] = float(row[0]) if row else 1e-4
    return prior_model(entries.kind, agreement)


def learn(con: duckdb.DuckDBPyConnection, entries: Entries, pairs: Relation, frequencies: Frequencies) -> Model:
    """Learn the model from the entries and the pairs that share a block; without pairs the untrained one."""
    start, blocked_pairs = untrained(con, entries, frequencies), count(con, pairs)
    if not blocked_pairs:
        return start
    random_pair = make_random_pairs(con, entries)
    random = patterns(con, random_pair, entries)
    drop(con, random_pair)
    # Every so many pairs by a mix of both numbers, so that the sample is the same in each run.
    thinning = max(1, blocked_pairs // TRAINING_PAIRS)
    sample = fill("(select * from {pairs} where (left_rec::bigint * 1000003 + right_rec) % {thinning} = 0)",
                  pairs=pairs, thinning=thinning)  # fmt: skip
    blocked = patterns(con, sample, entries)
    return train(start, count(con, entries.entry), random, Patterns(blocked.levels, blocked.pairs * thinning))
