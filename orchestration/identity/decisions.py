"""Analysts' decisions: which two records are the same customer, and which are not.

They come from sources (entity manual_match) and from `regulars review import` (kept in the lake). The newest
decision of one person about a pair counts; where two persons disagree, or decisions taken together say that a pair is
both the same and different, none of them is applied and all are reported.
"""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa

from models_ml.identity.clusters import Flags, Ints, components
from orchestration.identity.relations import SQL, Bounds, Inputs, Mentions
from orchestration.landing.lake import Lake
from orchestration.platform.sql import Expression, Relation, arrays, arrow, create, drop, fill, run

REVIEW = "manual_match"
REVIEW_SCHEMA = pa.schema(
    [
        ("left_system", pa.string()),
        ("left_customer_id", pa.string()),
        ("right_system", pa.string()),
        ("right_customer_id", pa.string()),
        ("decision", pa.string()),
        ("decided_by", pa.string()),
        ("decided_at", pa.timestamp("us")),
        ("reason", pa.string()),
    ]
)
WITHDRAWN = "withdrawn"
# Two records that a source relates to each other are two customers.
DISTINCT_RELATIONS = ("household", "parent", "referral", "contact_of")


def remember_decisions(lake: Lake, decisions: pa.Table, load_id: str, now: dt.datetime) -> None:
    """Keep imported decisions (REVIEW_SCHEMA) in the lake."""
    lake.remember(REVIEW, decisions.cast(REVIEW_SCHEMA), load_id, now)


def make_bounds(
    con: duckdb.DuckDBPyConnection, lake: Lake, inputs: Inputs, mentions: Mentions, decision_issue: Relation
) -> Bounds:
    """What decisions and relations bind; writes to `decision_issue` what was not applied."""
    decided = create(
        con, "decided", SQL["decided"], inputs, columns=Expression(", ".join(REVIEW_SCHEMA.names)),
        remembered=remembered_decisions(lake), withdrawn=WITHDRAWN,
    )  # fmt: skip
    run(con, SQL["decision_issue"], mentions, decision_issue=decision_issue, decided=decided)
    sound = create(
        con, "sound_decision",
        "select * from {decided} anti join {decision_issue} "
        "using (left_system, left_customer_id, right_system, right_customer_id)",
        decided=decided, decision_issue=decision_issue,
    )  # fmt: skip
    drop_contradictions(con, sound, decision_issue)
    bounds = Bounds(
        together=create(
            con, "together",
            "select left_system, left_customer_id, right_system, right_customer_id from {sound} where says_same",
            sound=sound,
        ),
        apart=create(con, "apart", SQL["apart"], inputs, mentions, sound=sound, relations=DISTINCT_RELATIONS),
    )  # fmt: skip
    run(con, SQL["prefer_decisions"], bounds)
    drop(con, decided, sound)
    return bounds


def remembered_decisions(lake: Lake) -> Expression:
    """SQL that adds the decisions which were imported."""
    files = lake.remembered(REVIEW)
    if not files:
        return Expression("")
    columns = Expression(", ".join(REVIEW_SCHEMA.names))
    return fill("union all select {columns} from read_parquet({files})", columns=columns, files=files)


def drop_contradictions(con: duckdb.DuckDBPyConnection, sound: Relation, decision_issue: Relation) -> None:
    """Take out of `sound` every group of same-decisions that holds a pair decided different, and that pair; they go to
    `decision_issue`."""
    if run(con, "select count(*) from {sound} where says_different", sound=sound).fetchone() == (0,):
        return
    node = create(con, "decided_node", SQL["decided_node"], sound=sound)
    edges = arrays(run(con, SQL["decided_edge"], sound=sound, node=node))
    nodes = broken_nodes(edges["a"], edges["b"], edges["says_same"].astype(bool))
    with arrow(con, "broken_node", pa.table({"node": nodes})) as broken:
        contradiction = create(con, "contradiction", SQL["contradiction"], sound=sound, node=node, broken=broken)
    run(con, "insert into {decision_issue} select *, 'contradictory' from {contradiction}",
        decision_issue=decision_issue, contradiction=contradiction)  # fmt: skip
    run(con, SQL["drop_contradictions"], sound=sound, contradiction=contradiction)
    drop(con, node, contradiction)


def broken_nodes(left: Ints, right: Ints, is_same: Flags) -> Ints:
    """Nodes of every group of pairs that are the same which holds a pair that is not."""
    label = components(int(max(left.max(), right.max())) + 1, left[is_same], right[is_same])
    apart = ~is_same
    broken = np.unique(label[left[apart]][label[left[apart]] == label[right[apart]]])
    return np.flatnonzero(np.isin(label, broken)).astype(np.int64)
