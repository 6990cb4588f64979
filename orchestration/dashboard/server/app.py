"""Entry point of the dashboard: pages, and the version that every figure comes from."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from orchestration.dashboard.kit import published
from orchestration.dashboard.kit.page import Page, found
from orchestration.platform.custody import harden
from orchestration.platform.environment import load_environment
from orchestration.platform.errors import RegularsError
from orchestration.platform.markup import md

st.set_page_config(page_title="Regulars", page_icon="◆", layout="wide")


def entry(page: Page) -> StreamlitPage:
    """The page's entry in the menu."""
    return st.Page(page.show, title=page.title, icon=f":material/{page.icon}:", url_path=page.path)


def main() -> None:
    """Show the chosen page under the build that it reads, or say what to do where there is none."""
    # The default page has no address but `/`: a hidden one leads on, so that each page has its own.
    menu = {area: [entry(page) for page in pages] for area, pages in found().items()}
    first = next(iter(menu.values()))[0]
    home = st.Page(lambda: st.switch_page(first), title="Regulars", default=True, visibility="hidden")
    page = st.navigation({"": [home], **menu})
    harden()
    try:
        load_environment()
        published.pin()
        build = published.build()
    except RegularsError as error:
        st.title("Regulars")
        st.info(md("{message}.", message=f"{error.message[0].upper()}{error.message[1:]}"))
        st.code(published.hint("regulars refresh"), language="bash")
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
