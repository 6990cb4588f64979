"""The dashboard's pages: their figures are the published ones, and a browser draws them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from orchestration.paths import PROJECT
from tests.integration.conftest import Copier
from tests.support.shop import Shop

pytestmark = pytest.mark.slow
APP = str(PROJECT / "orchestration" / "dashboard" / "app.py")


def use(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    for name, value in shop.environment().items():
        patch.setenv(name, value)


def test_overview_shows_the_last_whole_month(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    with duckdb.connect(str(refreshed.published), read_only=True) as con:
        [(buyers, as_of)] = con.execute(
            "select value::bigint, strftime(as_of, '%d %B %Y') from marts.kpi_tree "
            "where node_code = 'buyers' and dimension = 'all' and period_grain = 'month' and is_complete "
            "order by period_start desc limit 1"
        ).fetchall()
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Overview"
    cards = {metric.label: metric.value for metric in app.metric}
    assert cards["Buyers"] == f"{buyers:,}"
    assert as_of in app.caption[0].value + app.sidebar.caption[0].value
    assert any(refreshed.published.resolve().parent.name in c.value for c in app.sidebar.caption)


def test_overview_by_week_and_quarter(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    app = AppTest.from_file(APP, default_timeout=60).run()
    for grain in ("week", "quarter"):
        app.button_group[0].set_value([grain]).run()
        assert not app.exception


def kpi_tree_page() -> None:
    from orchestration.dashboard.views import kpi_tree

    kpi_tree.page()


def test_kpi_tree_splits_any_node(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    app = AppTest.from_function(kpi_tree_page, default_timeout=60).run()
    assert not app.exception
    assert app.markdown[0].value.startswith("#### Sales: ")
    split = app.selectbox(key="node")
    for option in ("returning_buyers", "average_order_value"):
        split.set_value(option).run()
        assert not app.exception
    assert app.markdown[0].value.startswith("#### Average order value: €")
    # The first month has nothing before it, and says so.
    period = app.selectbox(key="start_month")
    period.set_value(period.options and period._widget_state and min(_values(app))).run()
    assert not app.exception
    assert any("nothing to be compared with" in info.value for info in app.info)


def _values(app: AppTest) -> list[object]:
    """Values behind the period's options: the labels are formatted."""
    from orchestration.dashboard import published

    frame = published.query("select distinct period_start from kpi_tree where period_grain = 'month'")
    return list(frame["period_start"])


def test_nothing_published_says_what_to_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(shop, monkeypatch)
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert "othing is published" in app.info[0].value
    assert "regulars refresh" in app.code[0].value


@pytest.mark.browser
def test_a_browser_draws_both_pages(refreshed: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: make system")
    from playwright.sync_api import sync_playwright

    from docs.screenshots import CHROMIUM_FLAGS, free_port, server, settle

    use(refreshed, monkeypatch)
    errors: list[str] = []
    with sync_playwright() as play, server("dashboard", free_port(), "--no-browser") as address:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        for path, title in (("", "Overview"), ("kpi-tree", "KPI tree")):
            page.goto(f"{address}/{path}")
            settle(page)
            assert page.inner_text("h1") == title
            assert "Corner Shop, as of" in page.inner_text("[data-testid=stMain]")
            assert page.query_selector("[data-testid=stException]") is None
        browser.close()
    assert errors == []


@pytest.mark.parametrize("name", ["lifecycle", "value_churn", "churn", "models", "quality"])
def test_pages_show_a_company_whose_model_is_a_rule(
    name: str, refreshed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(refreshed, monkeypatch)

    def show(name: str) -> None:
        import importlib

        importlib.import_module(f"orchestration.dashboard.views.{name}").page()

    app = AppTest.from_function(show, default_timeout=60, args=(name,)).run()
    assert not app.exception
    warned = any("Observed rates, no model" in warning.value for warning in app.warning)
    assert warned == (name in ("value_churn", "churn", "models"))
    for box in app.selectbox:
        for option in range(len(box.options)):
            if box.key == "cell":  # its labels begin with the code that stands behind them
                box.set_value(box.options[option].split(":")[0]).run()
            else:
                box.select_index(option).run()
            assert not app.exception


def test_the_kpi_tree_is_drilled_by_each_dimension(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    app = AppTest.from_function(kpi_tree_page, default_timeout=60).run()
    drill = app.selectbox(key="dimension_month")
    assert len(drill.options) >= 4
    for option in range(len(drill.options)):
        app.selectbox(key="dimension_month").select_index(option).run()
        assert not app.exception


def test_one_customer_is_found_by_key_and_by_a_sources_id(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    with duckdb.connect(str(refreshed.published), read_only=True) as con:
        [(key, orders)] = con.execute(
            "select customer_key, count(*) from core.fct_order join core.customer_xref using (customer_key) "
            "where customer_id = 'C2' and is_purchase group by 1"
        ).fetchall()

    def show() -> None:
        from orchestration.dashboard.views import customer

        customer.page()

    app = AppTest.from_function(show, default_timeout=60).run()
    assert not app.exception
    for text in ("C2", str(key)):
        app.text_input(key="customer").set_value(text).run()
        assert not app.exception
        assert {metric.label: metric.value for metric in app.metric}["Orders"] == str(orders)
    app.text_input(key="customer").set_value("' or 1 = 1 --").run()
    assert not app.exception
    assert "No customer is known by" in app.info[0].value


def test_lists_are_safe_for_spreadsheets() -> None:
    import pandas as pd

    from orchestration.dashboard.views.shared import safe_csv

    text = safe_csv(pd.DataFrame({"who": ["=1+1", "@x", "Ann", None], "n": [-1, 2, 3, 4]})).decode("utf-8-sig")
    assert text.splitlines() == ["who,n", "'=1+1,-1", "'@x,2", "Ann,3", ",4"]


def customer_page() -> None:
    from orchestration.dashboard.views import customer

    customer.page()


def told(app: AppTest) -> str:
    """Everything that a page shows as text or in a table."""
    parts = [*app.markdown, *app.caption, *app.info, *app.text, *app.subheader, *app.metric]
    return " ".join([str(part.value) for part in parts] + [frame.value.to_string() for frame in app.dataframe])


def test_names_are_found_and_shown_with_the_grant_only(copy: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = copy()
    use(shop, monkeypatch)
    with duckdb.connect(str(shop.published), read_only=True) as con:
        key = con.execute("select customer_key from core.customer_xref where customer_id = 'C7'").fetchone()
    assert key is not None
    contacts = shop.published.with_name("contacts.duckdb")
    assert contacts.stat().st_mode & 0o777 == 0o400
    log = shop.state / "logs" / "contacts-shown.jsonl"

    app = AppTest.from_function(customer_page, default_timeout=60).run()
    app.text_input(key="customer").set_value("Customer 7").run()
    assert "No customer is known by" in app.info[0].value
    app.text_input(key="customer").set_value(str(key[0])).run()
    assert not app.exception
    assert "Customer 7" not in told(app)
    assert not log.exists()

    monkeypatch.setenv("REGULARS_CONTACTS", "granted")
    app = AppTest.from_function(customer_page, default_timeout=60).run()
    for asked in ("customer 7", "C7", str(key[0])):
        app.text_input(key="customer").set_value(asked).run()
        assert not app.exception
        assert "Customer 7" in app.subheader[0].value
    looks = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(look["page"], look["customer_key"]) for look in looks} == {("customer", key[0])}
    assert "Customer" not in log.read_text()  # whose data were shown is noted, not what was searched for
    for asked in ("nobody at all", "'; drop table record; --", "%", "   "):
        app.text_input(key="customer").set_value(asked).run()
        assert not app.exception
