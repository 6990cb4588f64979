"""A run of a dashboard page reads one version, whatever is published meanwhile."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from orchestration.config.company import CompanyConfig
from orchestration.platform.custody import in_charge
from orchestration.serving.publish import drop_others, publish, read_published
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


def short_page() -> None:
    import streamlit as st

    from orchestration.dashboard.kit import published

    published.pin()
    st.write(str(published.query("select version, 3 as q from marts.build_info")["version"][0]))


def test_a_version_that_goes_while_it_is_opened_begins_the_page_anew(
    shop: object, config: CompanyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    with in_charge(config.paths):
        build_version(config, "V1", 1)
        publish(config, REQUIRED)
    opened: list[Path] = []

    def open_late(path: Path) -> duckdb.DuckDBPyConnection:
        opened.append(path)
        if len(opened) == 1:
            publish_next("forget")
        return read_published(path)

    monkeypatch.setattr("orchestration.dashboard.kit.published.read_published", open_late)
    app = AppTest.from_function(short_page, default_timeout=60).run()
    assert not app.exception
    assert [part.value for part in app.markdown] == ["V2"]
    assert [path.parent.name for path in opened] == ["V1", "V2"]
