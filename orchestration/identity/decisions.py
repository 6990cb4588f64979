"""Analysts' decisions: which two records are the same customer, and which are not.

They come from sources (entity manual_match) and from `regulars review import` (kept in the lake). The newest
decision of one person about a pair counts; where two persons disagree, or decisions taken together say that a pair is
both the same and different, none of them is applied and all are reported.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.landing.lake import Lake

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


def make_bounds(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Temporary tables `together` and `apart` of record pairs, and identity.decision_issue of what was not applied.

    Both have left_system, left_customer_id, right_system, right_customer_id, in that order by name.
    """
    names = ", ".join(REVIEW_SCHEMA.names)
    loads = lake.remembered(REVIEW)
    kept = f"union all select {names} from read_parquet($files)" if loads else ""
    con.execute(
        f"""
        create or replace temp table decided as
        with given as (
          select {names} from input.manual_match where _superseded_at is null {kept}
        ),
        ordered as (
          select least((left_system, left_customer_id), (right_system, right_customer_id)) as a,
            greatest((left_system, left_customer_id), (right_system, right_customer_id)) as b,
            decision, decided_by, decided_at, reason
          from given
        ),
        newest as (
          select * from ordered
          qualify row_number() over (
            partition by a, b, coalesce(decided_by, '') order by decided_at desc, decision = 'same', decision) = 1
        )
        select struct_extract(a, 1) as left_system, struct_extract(a, 2) as left_customer_id,
          struct_extract(b, 1) as right_system, struct_extract(b, 2) as right_customer_id,
          max(decided_at) as decided_at, string_agg(distinct decided_by, ', ' order by decided_by) as decided_by,
          bool_or(decision = 'same') as says_same, bool_or(decision = 'different') as says_different
        from newest where decision <> $withdrawn and a <> b group by a, b
        """,
        {"withdrawn": WITHDRAWN} | ({"files": loads} if loads else {}),
    )
    con.execute(
        """
        create or replace table identity.decision_issue as
        select d.*, case when says_same and says_different then 'contradictory' else 'vanished' end as issue
        from decided d
        left join present l on l.source_system = left_system and l.customer_id = left_customer_id
        left join present r on r.source_system = right_system and r.customer_id = right_customer_id
        where says_same and says_different or l.customer_id is null or r.customer_id is null
        """
    )
    con.execute(
        "create or replace temp table sound as select * from decided anti join identity.decision_issue "
        "using (left_system, left_customer_id, right_system, right_customer_id)"
    )
    drop_contradictions(con)
    con.execute(
        "create or replace temp table together as select left_system, left_customer_id, right_system, "
        "right_customer_id from sound where says_same"
    )
    relations = ", ".join(f"'{name}'" for name in DISTINCT_RELATIONS)
    con.execute(
        f"""
        create or replace temp table apart as
        select left_system, left_customer_id, right_system, right_customer_id from sound where says_different
        union
        select m.owner, m.customer_id, n.owner, n.customer_id
        from input.customer_relation r
        join mention m on m.source_system = r.source_system and m.customer_id = r.customer_id
        join mention n on n.source_system = r.source_system and n.customer_id = r.related_customer_id
        where r._superseded_at is null and r.relation in ({relations}) and r.customer_id <> r.related_customer_id
        """
    )
    # An analyst's word stands above a relation.
    con.execute(
        "delete from apart a using together t where (a.left_system, a.left_customer_id, a.right_system, "
        "a.right_customer_id) in ((t.left_system, t.left_customer_id, t.right_system, t.right_customer_id), "
        "(t.right_system, t.right_customer_id, t.left_system, t.left_customer_id))"
    )


def drop_contradictions(con: duckdb.DuckDBPyConnection) -> None:
    """Take out of `sound` every group of same-decisions that holds a pair decided different, and that pair."""
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if con.execute("select count(*) from sound where says_different").fetchone() == (0,):
        return
    con.execute(
        """
        create or replace temp table node as
        select row_number() over (order by system, id) - 1 as node, system, id from (
          select left_system as system, left_customer_id as id from sound
          union select right_system, right_customer_id from sound)
        """
    )
    found: Any = con.execute(
        """
        select l.node as a, r.node as b, says_same from sound
        join node l on l.system = left_system and l.id = left_customer_id
        join node r on r.system = right_system and r.id = right_customer_id
        """
    ).fetchnumpy()
    size = int(max(found["a"].max(), found["b"].max())) + 1
    same = found["says_same"].astype(bool)
    graph = coo_matrix((np.ones(same.sum()), (found["a"][same], found["b"][same])), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    broken = np.unique(label[found["a"][~same]][label[found["a"][~same]] == label[found["b"][~same]]])
    bad = np.flatnonzero(np.isin(label, broken))
    con.register("bad_node", pa.table({"node": bad}))
    con.execute(
        """
        create or replace temp table clash as
        select s.* from sound s
        join node l on l.system = left_system and l.id = left_customer_id
        join node r on r.system = right_system and r.id = right_customer_id
        where l.node in (select node from bad_node) and r.node in (select node from bad_node)
        """
    )
    con.unregister("bad_node")
    con.execute("insert into identity.decision_issue select *, 'contradictory' from clash")
    con.execute(
        "delete from sound using clash c where sound.left_system = c.left_system and sound.left_customer_id = "
        "c.left_customer_id and sound.right_system = c.right_system and sound.right_customer_id = c.right_customer_id"
    )
