"""Entry point of the dashboard: pages, and the version that every figure comes from."""

from __future__ import annotations

import streamlit as st

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
from orchestration.markup import md

st.set_page_config(page_title="Regulars", page_icon="◆", layout="wide")

PAGES = (
    (overview.page, "Overview", "dashboard", "overview"),
    (kpi_tree.page, "KPI tree", "account_tree", "kpi-tree"),
    (lifecycle.page, "Life cycle", "autorenew", "life-cycle"),
    (value_churn.page, "Value × churn", "grid_on", "value-churn"),
    (churn.page, "Churn warning", "warning", "churn"),
    (customer.page, "Customer", "person_search", "customer"),
    (review.page, "Review", "compare_arrows", "review"),
    (models.page, "Models", "model_training", "models"),
    (quality.page, "Data quality", "fact_check", "data-quality"),
)


def main() -> None:
    """Show the chosen page under the build that it reads, or say what to do where there is none."""
    # The address without a path is Streamlit's own for the default page, which then has no other: a hidden page
    # shows the overview there, so that `/overview` is one, too.
    home = st.Page(overview.page, title="Overview", url_path="home", default=True, visibility="hidden")
    page = st.navigation(
        [home, *(st.Page(show, title=title, icon=f":material/{icon}:", url_path=path)
                 for show, title, icon, path in PAGES)]
    )  # fmt: skip
    try:
        load_environment()
        build = published.build()
    except RegularsError as error:
        st.title("Regulars")
        st.info(md("{message}.", message=f"{error.message[0].upper()}{error.message[1:]}"))
        st.code(".venv/bin/regulars refresh", language="bash")
        return
    with st.sidebar:
        st.markdown(md("### {title}", title=build.title))
        st.caption(md("As of **{as_of:%d %B %Y}**", as_of=build.as_of))
        st.caption(md("Data version {version}  \nbuilt {built:%Y-%m-%d %H:%M} UTC", version=build.version,
                      built=build.built_at))  # fmt: skip
        if published.has_grant():
            st.caption(":material/visibility: Shows clear contact data; every look is noted.")
        if st.button("Look for a newer version", width="stretch"):
            st.rerun()
    page.run()


main()
