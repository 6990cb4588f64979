"""Entry point of the dashboard: pages, and the version that every figure comes from."""

from __future__ import annotations

import streamlit as st

from orchestration.custody import harden
from orchestration.dashboard import published
from orchestration.dashboard.views import (
    churn,
    customer,
    kpi_tree,
    lifecycle,
    models,
    overview,
    quality,
    review,
    value_churn,
)
from orchestration.environment import load_environment
from orchestration.errors import RegularsError

st.set_page_config(page_title="Regulars", page_icon="◆", layout="wide")


def main() -> None:
    """Show the chosen page under the build that it reads, or say what to do where there is none."""
    page = st.navigation(
        [
            st.Page(
                overview.page,
                title="Overview",
                icon=":material/dashboard:",
                url_path="overview",
                default=True,
            ),
            st.Page(kpi_tree.page, title="KPI tree", icon=":material/account_tree:", url_path="kpi-tree"),
            st.Page(lifecycle.page, title="Life cycle", icon=":material/autorenew:", url_path="life-cycle"),
            st.Page(value_churn.page, title="Value × churn", icon=":material/grid_on:", url_path="value-churn"),
            st.Page(churn.page, title="Churn warning", icon=":material/warning:", url_path="churn"),
            st.Page(customer.page, title="Customer", icon=":material/person_search:", url_path="customer"),
            st.Page(review.page, title="Review", icon=":material/compare_arrows:", url_path="review"),
            st.Page(models.page, title="Models", icon=":material/model_training:", url_path="models"),
            st.Page(quality.page, title="Data quality", icon=":material/fact_check:", url_path="data-quality"),
        ]
    )
    harden()
    try:
        load_environment()
        published.pin()
        build = published.build()
    except RegularsError as error:
        st.title("Regulars")
        st.info(f"{error.message[0].upper()}{error.message[1:]}.")
        st.code(".venv/bin/regulars refresh", language="bash")
        return
    with st.sidebar:
        st.markdown(f"### {build.title}")
        st.caption(f"As of **{build.as_of:%d %B %Y}**")
        st.caption(f"Data version `{build.version}`  \nbuilt {build.built_at:%Y-%m-%d %H:%M} UTC")
        if published.has_grant():
            st.caption(":material/visibility: Shows clear contact data; every look is noted.")
        if st.button("Look for a newer version", width="stretch"):
            st.rerun()
    page.run()


main()
