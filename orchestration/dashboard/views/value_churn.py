"""Value × churn: nine cells, what is at risk in each, what to do, and who is in it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.shared import churn_standing, head, take_away

LIST = """
select churn.customer_key, string_agg(distinct xref.customer_id, ', ' order by xref.customer_id) as customer_ids,
  round(churn.churn_probability, 3) as churn_probability, churn.warning_level, scored.index_tier as value_tier,
  round(scored.value_index, 1) as value_index, scored.margin_if_staying_amount as margin_if_staying,
  round(churn.churn_probability * scored.margin_if_staying_amount::double, 2) as value_at_risk,
  churn.recency_days as days_since_purchase, churn.reason_1, churn.reason_2, churn.reason_3, churn.was_red_before
from customer_churn as churn left join customer_value as scored using (customer_key)
left join (select * from customer_xref where valid_to is null) as xref using (customer_key)
where churn.churn_class || coalesce(scored.value_class, 'S') = $cell
group by all order by value_at_risk desc nulls last, customer_key
"""
CHURN = {"A": "A loyal", "B": "B swinging", "C": "C lost"}
VALUE = {"D": "D diamond", "G": "G gold", "S": "S silver"}


def page() -> None:
    """Render the page."""
    build = head("Value × churn")
    matrix = published.query("select * from value_churn_matrix order by churn_class, value_class")
    if not matrix["customers"].sum():
        st.info("No scores yet: nobody has bought, or no window after a purchase is over. See page Models.")
        return
    churn_standing()
    shown = (
        st.segmented_control("Show", ["customers", "value at risk"], default="customers", key="shown") or "customers"
    )
    column = "customers" if shown == "customers" else "value_at_risk"
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.plotly_chart(charts.cells(matrix, column, CHURN, VALUE, build.currency), width="stretch")
        st.caption(
            "Value at risk: churn probability × the margin expected in 12 months if the customer stays. "
            "Rows: how likely they leave; columns: what they are worth."
        )
    with right:
        cell = st.selectbox(
            "Cell", list(matrix["cell"]), index=int(matrix["value_at_risk"].astype(float).argmax()), key="cell",
            format_func=lambda code: f"{code}: {CHURN[code[0]][2:]} × {VALUE[code[1]][2:]}",
        )  # fmt: skip
        row = matrix.set_index("cell").loc[cell]
        st.markdown(f"**{row['strategy']}**" if row["strategy"] else "No strategy set.")
        st.markdown(
            f"{row['customers']:,} customers, {charts.money(float(row['value_at_risk']), build.currency)} at risk, "
            f"{row['red_alerts']:,} red alerts"
        )
        st.dataframe(stars(cell), hide_index=True, width="stretch")
    st.subheader(f"Customers of {cell}")
    if row["customers"]:
        take_away(published.query(LIST, cell=cell), f"customers_{cell}")
    else:
        st.info("Nobody is in this cell.")
    weights()


def stars(cell: str) -> pd.DataFrame:
    """How well each treatment suits a cell."""
    found = published.query(
        "select treatment, stars from value_churn_strategy where cell = $cell order by stars desc, treatment", cell=cell
    )
    found["treatment"] = found["treatment"].str.replace("_", " ")
    found["stars"] = found["stars"].map(lambda n: "★" * int(n) + "☆" * (5 - int(n)))
    return found


def weights() -> None:
    """How the tiers depend on the weights of the value index."""
    with st.expander("How firm are the value tiers?"):
        found = published.query(
            "select part, factor as weight_times, kept_share, moved_up, moved_down from value_sensitivity "
            "order by kept_share"
        )
        found["kept_share"] = found["kept_share"].map("{:.1%}".format)
        st.dataframe(found, hide_index=True, width="stretch")
        missing = published.query(
            "select missing_parts, count(*) as customers from customer_value where missing_parts <> '' group by 1"
        )
        for line in missing.itertuples():
            st.caption(
                f"{line.customers:,} customers: no source tells their {line.missing_parts}; the other parts weigh more."
            )
