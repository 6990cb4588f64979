"""Data quality and books: what was checked, how it develops, what was loaded and refused."""

from __future__ import annotations

import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.shared import head

CHECKS = """
select case when passed then 'passed' when stops then 'STOP' else 'warning' end as verdict, source_system, entity,
  column_name, dimension, rule, observed, low, high
from data_quality_check order by passed, source_system, entity, rule
"""


def page() -> None:
    """Render the page."""
    head("Data quality and books")
    checks = published.query(CHECKS)
    failed = int((checks["verdict"] != "passed").sum())
    columns = st.columns(3)
    columns[0].metric("Checks", f"{len(checks):,}", border=True)
    columns[1].metric("Not passed", f"{failed:,}", border=True)
    books = published.query(
        "select source_system, entity, sum(candidates)::bigint as candidates, sum(accepted)::bigint as accepted, "
        "sum(unchanged)::bigint as unchanged, sum(quarantined)::bigint as quarantined, "
        "sum(filtered)::bigint as filtered from conform_audit group by 1, 2 order by 1, 2"
    )
    columns[2].metric("Rows in quarantine", f"{int(books['quarantined'].sum()):,}", border=True)
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
        st.info("Nothing was checked yet.")
    else:
        st.dataframe(latest.round(4), hide_index=True, width="stretch")
        if trend["day"].nunique() > 1:
            trend = trend.rename(columns={"day": "x", "score": "y", "entity": "estimator"})
            st.plotly_chart(charts.lines(trend, "day", "score", diagonal=False), width="stretch")
        else:
            st.caption("One day so far; the trend begins with the second.")
    st.subheader("Checks")
    st.dataframe(checks, hide_index=True, width="stretch", height=320)
    st.subheader("Books: candidates = accepted + unchanged + quarantined + filtered")
    st.dataframe(books, hide_index=True, width="stretch")
    st.subheader("Loads")
    st.dataframe(
        published.query(
            "select source_system, table_name, loaded_at, rows_read, rows_landed, rows_rejected, bytes, seconds, drift "
            "from load_audit order by loaded_at desc, 1, 2"
        ),
        hide_index=True, width="stretch", height=320,
    )  # fmt: skip
