"""Data quality and books: what was checked, how it develops, what was loaded and refused."""

from __future__ import annotations

import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, cards, chart, head, table

CHECKS = """
select case when passed then 'passed' when stops then 'STOP' else 'warning' end as verdict, source_system, entity,
  column_name, dimension, rule, observed, low, high
from data_quality_check order by passed, source_system, entity, rule
"""


DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness", "score")
PLACE = {"source_system": Column("Source"), "entity": Column("Entity")}
SCORE_COLUMNS = PLACE | {name: Column(name.capitalize(), "share") for name in DIMENSIONS}
CHECK_COLUMNS = {
    "verdict": Column("Verdict"), **PLACE, "column_name": Column("Column"), "dimension": Column("Dimension"),
    "rule": Column("Rule", "words"),
    "observed": Column("Found", "figure"), "low": Column("At least", "figure"), "high": Column("At most", "figure"),
}  # fmt: skip
BOOK_COLUMNS = PLACE | {
    "candidates": Column("Candidates", "count"), "accepted": Column("Accepted", "count"),
    "unchanged": Column("Unchanged", "count"), "quarantined": Column("In quarantine", "count"),
    "filtered": Column("Filtered", "count"),
}  # fmt: skip
LOAD_COLUMNS = {
    "source_system": Column("Source"), "table_name": Column("Table"), "loaded_at": Column("Loaded at (UTC)", "time"),
    "rows_read": Column("Rows read", "count"), "rows_landed": Column("Landed", "count"),
    "rows_rejected": Column("Rejected", "count"), "bytes": Column("Bytes", "count"),
    "seconds": Column("Seconds", "number"), "drift": Column("Columns that changed"),
}  # fmt: skip


def page() -> None:
    """Render the page."""
    head("Data quality and books")
    checks = published.query(CHECKS)
    failed = int((checks["verdict"] != "passed").sum())
    books = published.query(
        "select source_system, entity, sum(candidates)::bigint as candidates, sum(accepted)::bigint as accepted, "
        "sum(unchanged)::bigint as unchanged, sum(quarantined)::bigint as quarantined, "
        "sum(filtered)::bigint as filtered from conform_audit group by 1, 2 order by 1, 2"
    )
    cards({"Checks": f"{len(checks):,}", "Not passed": f"{failed:,}",
           "Rows in quarantine": f"{int(books['quarantined'].sum()):,}"})  # fmt: skip
    trend = published.query(
        "select day, entity, avg(score) as score from data_quality_score where column_name is null "
        "or column_name = '' group by 1, 2 order by 1"
    )
    if trend.empty:
        trend = published.query(
            "select day, entity, avg(score) as score from data_quality_score group by 1, 2 order by 1"
        )
    latest = published.query(
        "select source_system, entity, avg(completeness) as completeness, avg(validity) as validity, "
        "avg(uniqueness) as uniqueness, avg(consistency) as consistency, avg(timeliness) as timeliness, "
        "avg(score) as score from data_quality_score where day = (select max(day) from data_quality_score) "
        "group by 1, 2 order by score"
    )
    st.subheader("Score by entity")
    if latest.empty:
        st.info(
            published.hint(
                "Nothing was checked: no mapped entity holds a row. Map a source, then run `regulars refresh`."
            )
        )
    else:
        table(latest, SCORE_COLUMNS)
        if trend["day"].nunique() > 1:
            trend = trend.rename(columns={"day": "x", "score": "y", "entity": "estimator"})
            chart(charts.lines(trend, "day", "score", diagonal=False))
        else:
            st.caption("One day so far; the trend begins with the second.")
    st.subheader("Checks")
    table(checks, CHECK_COLUMNS)
    st.subheader("Books: candidates = accepted + unchanged + quarantined + filtered")
    table(books, BOOK_COLUMNS)
    st.subheader("Loads")
    table(
        published.query(
            "select source_system, table_name, loaded_at, rows_read, rows_landed, rows_rejected, bytes, seconds, drift "
            "from load_audit order by loaded_at desc, source_system = '_regulars', 1, 2"
        ),
        LOAD_COLUMNS,
    )


PAGE = Page(page, "Data quality", "fact_check", "data-quality", place=90)
