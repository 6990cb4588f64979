"""From weighted pairs to clusters of records; see `models_ml.identity.clusters` for how they hold together."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from models_ml.identity.clusters import WEAKEST, Ints, Pairs, cluster
from models_ml.identity.weights import Model
from orchestration.identity.match import LINK, REVIEW
from orchestration.identity.relations import SQL, Bounds, Entries, State
from orchestration.identity.weighing import Frequencies, make_likely, score_pairs
from orchestration.platform.sql import Relation, arrays, arrow, count, create, drop, run

RULE_WEIGHT = 8.0  # that an exact rule counts as, in log2 odds


@dataclass(frozen=True)
class Scorer:
    """Weighs pairs of one component that share no block, when the clusters ask for them."""

    con: duckdb.DuckDBPyConnection
    entries: Entries
    model: Model
    frequencies: Frequencies

    def __call__(self, left: Ints, right: Ints) -> Pairs:
        """Pairs with their weights; one that weighs less than WEAKEST counts as that much, and is left out."""
        con, weighed = self.con, (self.entries, self.model, self.frequencies)
        rows = pa.table({"left_rec": left.astype("int32"), "right_rec": right.astype("int32")})
        with arrow(con, "inner_rows", rows) as inner_rows:
            pairs = create(con, "inner_pair", "select * from {inner_rows}", inner_rows=inner_rows)
        likely = make_likely(con, pairs, *weighed, "inner_likely_pair", WEAKEST)
        scored = score_pairs(con, likely, *weighed, "inner_scored_pair", WEAKEST)
        found = arrays(run(
            con, "select rec_l::bigint as a, rec_r::bigint as b, match_weight as w from {scored} order by a, b",
            scored=scored,
        ))  # fmt: skip
        drop(con, pairs, likely, scored)
        return found["a"].astype(np.int64), found["b"].astype(np.int64), found["w"]


def make_clusters(
    con: duckdb.DuckDBPyConnection,
    entries: Entries,
    state: State,
    bounds: Bounds,
    model: Model,
    frequencies: Frequencies,
) -> Relation:
    """Records of a kind with the record that stands for their cluster: source_system, customer_id, cluster_system,
    cluster_id, rule, weight."""
    labels = labels_of(con, entries, state, bounds, Scorer(con, entries, model, frequencies))
    with arrow(con, "label_rows", labels) as label_rows:
        label = create(con, "label", "select * from {label_rows}", label_rows=label_rows)
    made = create(con, f"cluster_{entries.kind}", SQL["cluster"], entries, state, bounds, label=label)
    drop(con, label)
    return made


def labels_of(
    con: duckdb.DuckDBPyConnection, entries: Entries, state: State, bounds: Bounds, scorer: Scorer
) -> pa.Table:
    """The cluster of each entry: rec, first_rec (its smallest entry)."""
    size = count(con, entries.entry)  # rec counts from 0 without a gap
    edges = arrays(run(con, SQL["edge"], entries, state, rule_weight=RULE_WEIGHT))
    pairs = (np.minimum(edges["a"], edges["b"]), np.maximum(edges["a"], edges["b"]), edges["weight"])
    systems = arrays(run(
        con,
        "select coalesce(dense_rank() over (order by unique_system) * (unique_system is not null)::int, 0) as system "
        "from {entry} order by rec",
        entries,
    ))["system"].astype(np.int64)  # fmt: skip
    labels = cluster(
        size, pairs, bound_entries(con, entries, bounds.together), bound_entries(con, entries, bounds.apart), REVIEW,
        LINK, scorer, systems,
    )  # fmt: skip
    return pa.table({"rec": np.arange(size, dtype=np.int32), "first_rec": labels.astype(np.int32)})


def bound_entries(con: duckdb.DuckDBPyConnection, entries: Entries, bound: Relation) -> tuple[Ints, Ints]:
    """Pairs of records as pairs of entries."""
    found = arrays(run(con, SQL["bound_pair"], entries, bound=bound))
    return found["a"].astype(np.int64), found["b"].astype(np.int64)
