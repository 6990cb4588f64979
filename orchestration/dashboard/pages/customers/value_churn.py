"""Value × churn: nine cells, what is at risk in each, what to do, and who is in it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import GOOD, IDS, NO_SCORES, WHO, WHY, churn_standing, margin_standing
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, chart, choose, head, table, take_away
from orchestration.platform.markup import md

LIST = """
select churn.customer_key, string_agg(distinct xref.customer_id, ', ' order by xref.customer_id) as customer_ids,
  churn.churn_probability, churn.warning_level, scored.index_tier, scored.value_index, scored.margin_if_staying_amount,
  scored.expected_margin_amount,
  round(churn.churn_probability * scored.margin_if_staying_amount::double, 2) as value_at_risk, churn.recency_days,
  churn.reason_1, churn.reason_2, churn.reason_3, churn.was_red_before
from customer_churn as churn left join customer_value as scored using (customer_key)
left join (select * from customer_xref where valid_to is null) as xref using (customer_key)
where churn.churn_class || coalesce(scored.value_class, 'S') = $cell
group by all order by value_at_risk desc nulls last, customer_key
"""
COLUMNS = WHO | {
    "value_at_risk": Column("Value at risk", "money"), "churn_probability": Column("Probability", "share"),
    "warning_level": Column("Churn level", "words"), **WHY,
    "margin_if_staying_amount": Column("12-month margin if staying", "money"),
    "expected_margin_amount": Column("12-month margin expected", "money"),
    "value_index": Column("Value index (0 to 100)", "number"), "index_tier": Column("Value tier", "words"),
    "recency_days": Column("Days since purchase", "count"), "was_red_before": Column("Was red before", "flag"),
} | IDS  # fmt: skip
FIRMNESS = {
    "part": Column("Part of the index", "words"), "weight_times": Column("Weight times", "number"),
    "kept_share": Column("Keep their tier", "share"), "moved_up": Column("Move up", "count"),
    "moved_down": Column("Move down", "count"),
}  # fmt: skip
CHURN = {"A": "A loyal", "B": "B swinging", "C": "C lost"}
VALUE = {"D": "D diamond", "G": "G gold", "S": "S silver"}


def page() -> None:
    """Render the page."""
    build = head("Value × churn")
    matrix = published.query("select * from value_churn_matrix order by churn_class, value_class")
    if not matrix["customers"].sum():
        st.info(NO_SCORES)
        return
    churn_standing(GOOD)
    margin_standing()
    shown = (
        st.segmented_control("Show", ["customers", "value at risk"], default="customers", key="shown") or "customers"
    )
    column = "customers" if shown == "customers" else "value_at_risk"
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(charts.cells(matrix, column, CHURN, VALUE, build.currency))
        st.caption(
            "Value at risk: churn probability × the margin expected in 12 months if the customer stays. "
            "Rows: how likely they leave; columns: what they are worth."
        )
    with right:
        cell = choose(
            "Cell", matrix["cell"], lambda code: f"{code}: {CHURN[code[0]][2:]} × {VALUE[code[1]][2:]}",
            index=int(matrix["value_at_risk"].astype(float).argmax()), key="cell",
        )  # fmt: skip
        row = matrix.set_index("cell").loc[cell]
        st.markdown(md("**{strategy}**", strategy=row["strategy"]) if row["strategy"] else "No strategy set.")
        st.markdown(
            md("{customers:,} customers, {risk} at risk, {alerts:,} red alert(s)", customers=row["customers"],
               risk=charts.money(float(row["value_at_risk"]), build.currency), alerts=row["red_alerts"])
        )  # fmt: skip
        table(stars(cell), {"treatment": Column("Treatment", "words"), "stars": Column("How well it suits")})
    st.subheader(md("Customers of {cell}", cell=cell))
    if row["customers"]:
        take_away(published.query(LIST, cell=cell), f"customers_{cell}", COLUMNS, build.currency)
    else:
        st.info("Nobody is in this cell.")
    weights()


def stars(cell: str) -> pd.DataFrame:
    """How well each treatment suits a cell."""
    found = published.query(
        "select treatment, stars from value_churn_strategy where cell = $cell order by stars desc, treatment", cell=cell
    )
    found["stars"] = found["stars"].map(lambda n: "★" * int(n) + "☆" * (5 - int(n)))
    return found


def weights() -> None:
    """How the tiers depend on the weights of the value index."""
    with st.expander("How firm are the value tiers?"):
        found = published.query(
            "select part, factor as weight_times, kept_share, moved_up, moved_down from value_sensitivity "
            "order by kept_share"
        )
        table(found, FIRMNESS)
        missing = published.query(
            "select missing_parts, count(*) as customers from customer_value where missing_parts <> '' group by 1"
        )
        for line in missing.itertuples():
            st.caption(
                md("{customers:,} customers: no source tells their {parts}; the other parts weigh more.",
                   customers=line.customers, parts=line.missing_parts)
            )  # fmt: skip


PAGE = Page(page, "Value × churn", "grid_on", "value-churn", place=40)
