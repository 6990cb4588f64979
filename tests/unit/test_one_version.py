"""A run of a dashboard page reads one version, whatever is published meanwhile."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from orchestration.config.company import CompanyConfig
from orchestration.platform.custody import in_charge
from orchestration.serving.publish import drop_others, publish
from tests.breaking import REQUIRED, build_version


def page() -> None:
    import streamlit as st

    from orchestration.dashboard.kit import published
    from tests.unit.test_one_version import publish_next

    published.pin()
    first = published.query("select count(*) as n, 1 as q from core.thing")["n"][0]
    if not st.session_state.get("published"):
        st.session_state["published"] = True
        publish_next(st.session_state["how"])
    second = published.query("select count(*) as n, 2 as q from core.thing")["n"][0]
    version = published.query("select version from marts.build_info")["version"][0]
    st.write(f"{first} {second} {version}")


def publish_next(how: str) -> None:
    """Publish a second version beside the running page, or instead of the one that it reads."""
    from orchestration.config.company import load_company

    config = load_company("shop")
    with in_charge(config.paths):
        build_version(config, "V2", 2)
        publish(config, REQUIRED)
        if how == "forget":
            drop_others(config.paths)


@pytest.mark.parametrize(("how", "shown", "keep"), [("keep one", "1 1 V1", 1), ("forget", "2 2 V2", 5)])
def test_a_page_shows_one_version(
    shop: object, config: CompanyConfig, monkeypatch: pytest.MonkeyPatch, how: str, shown: str, keep: int
) -> None:
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    config.company.publish.__dict__["keep"] = keep
    with in_charge(config.paths):
        build_version(config, "V1", 1)
        publish(config, REQUIRED)
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["how"] = how
    app.run()
    assert not app.exception
    assert [part.value for part in app.markdown] == [shown]
    app.run()
    assert [part.value for part in app.markdown] == ["2 2 V2"]  # the next run sees what is published now
