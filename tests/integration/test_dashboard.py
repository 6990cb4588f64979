"""The dashboard's pages: their figures are the published ones, and a browser draws them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from orchestration.platform.paths import PROJECT
from tests.integration.conftest import Copier
from tests.support.shop import Shop

pytestmark = pytest.mark.slow
APP = str(PROJECT / "orchestration" / "dashboard" / "server" / "app.py")


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
    from orchestration.dashboard.pages.sales import kpi_tree

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
    from orchestration.dashboard.kit import published

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
        # Each address works as the first one that the server is asked for, too: no dialog says that there is no page.
        for path, title in (("overview", "Overview"), ("kpi-tree", "KPI tree"), ("", "Overview")):
            page.goto(f"{address}/{path}")
            settle(page)
            assert page.inner_text("h1") == title
            assert page.query_selector("[role=dialog]") is None
            assert "Corner Shop, as of" in page.inner_text("[data-testid=stMain]")
            assert page.query_selector("[data-testid=stException]") is None
        browser.close()
    assert errors == []


@pytest.mark.parametrize(
    "name", ["customers.lifecycle", "customers.value_churn", "customers.churn", "data.models", "data.quality"]
)
def test_pages_show_a_company_whose_model_is_a_rule(
    name: str, refreshed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(refreshed, monkeypatch)

    def show(name: str) -> None:
        import importlib

        importlib.import_module(f"orchestration.dashboard.pages.{name}").page()

    app = AppTest.from_function(show, default_timeout=60, args=(name,)).run()
    assert not app.exception
    warned = any("Observed rates, no model" in warning.value for warning in app.warning)
    assert warned == (name.split(".")[1] in ("value_churn", "churn", "models"))
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
        from orchestration.dashboard.pages.customers import customer

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

    from orchestration.dashboard.kit.parts import safe_csv

    text = safe_csv(pd.DataFrame({"who": ["=1+1", "@x", "Ann", None], "n": [-1, 2, 3, 4]})).decode("utf-8-sig")
    assert text.splitlines() == ["who,n", "'=1+1,-1", "'@x,2", "Ann,3", ",4"]


def test_downloads_quote_headers_categories_and_every_start_of_a_formula() -> None:
    import pandas as pd

    from orchestration.dashboard.kit.parts import safe_csv

    frame = pd.DataFrame(
        {"=x": pd.Categorical(["=1", "b"]), "t": ["\n=1", "\t=2"], "o": pd.Series([1, "+2"], dtype=object),
         "n": [-1.5, None], "d": pd.to_datetime(["2024-01-31", None])}
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(safe_csv(frame).decode("utf-8-sig"))))
    assert rows == [
        ["'=x", "t", "o", "n", "d"], ["'=1", "'\n=1", "1", "-1.5", "2024-01-31"], ["b", "'\t=2", "'+2", "", ""],
    ]  # fmt: skip


def customer_page() -> None:
    from orchestration.dashboard.pages.customers import customer

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


def test_every_page_has_its_own_address_and_all_are_known() -> None:
    from orchestration.dashboard.kit.page import found

    addresses = [page.path for pages in found().values() for page in pages]

    assert addresses == [
        "overview", "kpi-tree", "life-cycle", "value-churn", "churn", "customer", "review", "models", "data-quality",
    ]  # fmt: skip


def test_without_a_search_customers_are_listed_and_each_row_leads_to_one(
    refreshed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(refreshed, monkeypatch)
    app = AppTest.from_function(customer_page, default_timeout=60).run()
    assert not app.exception
    listed = app.dataframe[0].value
    with duckdb.connect(str(refreshed.published), read_only=True) as con:
        [(richest, sales)] = con.execute(
            "select customer_key, monetary::double from marts.customer_360 order by monetary desc nulls last, 1 limit 1"
        ).fetchall()
        [(customers,)] = con.execute("select count(*) from marts.customer_360").fetchall()
    assert len(listed) == customers
    assert listed["customer_key"].iloc[0] == f"/customer?key={richest}"
    assert listed["monetary"].iloc[0] == pytest.approx(sales)
    app.query_params["key"] = str(richest)
    assert not any(metric.label == "Spent" for metric in app.metric)
    opened = AppTest.from_function(customer_page, default_timeout=60)
    opened.query_params["key"] = str(richest)
    opened.run()
    assert not opened.exception
    assert any(metric.label == "Spent" for metric in opened.metric)


@pytest.mark.parametrize(
    "name",
    [
        "customers.lifecycle",
        "customers.churn",
        "customers.value_churn",
        "customers.customer",
        "data.quality",
        "sales.kpi_tree",
    ],
)
def test_columns_of_tables_have_names_that_people_use(
    name: str, refreshed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(refreshed, monkeypatch)

    def show(name: str) -> None:
        import importlib

        importlib.import_module(f"orchestration.dashboard.pages.{name}").page()

    app = AppTest.from_function(show, default_timeout=60, args=(name,)).run()
    assert not app.exception
    assert app.dataframe
    for frame in app.dataframe:
        configured = json.loads(frame.proto.columns)
        labels = [configured[column]["label"] for column in frame.value.columns]
        assert all(label and "_" not in label and label[0] == label[0].upper() for label in labels), labels
        money = [configured[c]["type_config"].get("format") for c in frame.value.columns if c in ("monetary", "sales")]
        assert set(money) <= {"euro"}, money


# Names that would be links, pictures, colours, formulas, icons or commands if a page obeyed them.
PLANTED = (
    "![x](http://127.0.0.1:{port}/picture.png)", "<img src=http://127.0.0.1:{port}/tag.png>",
    "[a](javascript:alert(1))", "$\\LaTeX$", ":red[x]", "\x1b[31mred", "[bold]x", "\\[/]", ":material/home:",
    "http://127.0.0.1:{port}/bare", "<a href='http://127.0.0.1:{port}/a'>a</a>", "www.planted.test", "a@planted.test",
    "<script>fetch('http://127.0.0.1:{port}/script')</script>", "**bold** `code` ~~gone~~", "# head", "=1+1",
)  # fmt: skip
# Columns whose values the pages look up; the rest is text that comes from somewhere.
CODES = re.compile(
    r"(_code|_class|_level|_tier|_grain|_status|_key|_keys)$|^(state_basic|dimension|unit|operator|cell|status|standing|"
    r"population|metric|curve|evidence|currency|model|version|estimator|kind|channel|decision|grain)$"
)


def plant(database: Path, port: int) -> int:
    """Write hostile text into every text column of a published file that no page looks up; returns how many."""
    mode = database.stat().st_mode
    database.chmod(0o600)
    texts = [text.format(port=port) for text in PLANTED]
    planted = 0
    with duckdb.connect(str(database)) as con:
        for schema, table, column in con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() join duckdb_tables() "
            "using (schema_name, table_name) where data_type = 'VARCHAR' order by all"
        ).fetchall():
            if CODES.search(column) or (column == "member"):
                continue
            con.execute(
                f'update {schema}.{table} set "{column}" = ($texts)[(1 + (hash($column) + rowid) % len($texts))::int] '
                f'where "{column}" is not null',
                {"texts": texts, "column": column},
            )
            planted += 1
        for table in ("kpi_tree",) if database.name == "regulars.duckdb" else ():
            con.execute(
                f"update marts.{table} set member = ($texts)[(1 + hash(member) % len($texts))::int] || ' ' || member "
                "where dimension <> 'all'", {"texts": texts},
            )  # fmt: skip
    database.chmod(mode)
    return planted


class Listener(socketserver.ThreadingTCPServer):
    """Hears whoever asks for anything."""

    heard: list[bytes]


@contextmanager
def listener() -> Iterator[Listener]:
    class Hear(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            server = self.server
            assert isinstance(server, Listener)
            server.heard.append(self.rfile.readline())
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with Listener(("127.0.0.1", 0), Hear) as server:
        server.heard = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


# What of a page is markup that only the data can have brought.
BROUGHT = """() => [...document.querySelectorAll('[data-testid=stMain] a, [data-testid=stMain] img, .katex, '
  + '[data-testid=stSidebar] [data-testid=stMarkdown] a, [data-testid=stMain] script, svg a')]
  .filter(e => !(e.closest('h1,h2,h3,h4') && (e.getAttribute('href') || '').startsWith('#')))
  .map(e => e.outerHTML.slice(0, 200)).filter(t => /127|planted|javascript|katex|LaTeX/.test(t))"""


@pytest.mark.browser
def test_planted_text_is_shown_as_it_is_and_nobody_is_called(copy: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: make system")
    from playwright.sync_api import sync_playwright

    from docs.screenshots import CHROMIUM_FLAGS, free_port, server
    from orchestration.dashboard.kit.page import found

    addresses = [page.path for pages in found().values() for page in pages]

    shop = copy()
    use(shop, monkeypatch)
    with duckdb.connect(str(shop.published), read_only=True) as con:
        [(key,)] = con.execute("select customer_key from core.customer_xref where customer_id = 'C7'").fetchall()
    with listener() as ears, sync_playwright() as play:
        port = int(ears.server_address[1])
        folder = shop.published.resolve().parent
        assert plant(folder / "regulars.duckdb", port) > 40
        assert plant(folder / "contacts.duckdb", port) > 10
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        asked: list[str] = []
        page = browser.new_page(viewport={"width": 1280, "height": 2000})
        page.on("request", lambda request: asked.append(request.url))
        with server("dashboard", free_port(), "--no-browser", "--contacts") as address:
            for path in [*addresses, f"customer?key={key}"]:
                page.goto(f"{address}/{path}")
                page.wait_for_selector("h1", timeout=60_000)
                page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000)
                page.wait_for_timeout(1500)
                assert page.query_selector("[data-testid=stException]") is None, path
                assert page.evaluate(BROUGHT) == [], path
                assert page.query_selector("[data-testid=stDataFrameToolbar] [aria-label='Download as CSV']") is None
            shown = page.inner_text("[data-testid=stMain]")
            assert any(text.format(port=port)[:12] in shown.replace("\u2060", "") for text in PLANTED)
            outside = {url for url in asked if not url.startswith((address, "data:", "blob:", "ws"))}
            assert outside == set()
            assert ears.heard == []
            page.goto(f"http://127.0.0.1:{port}/is-anybody-there")
            assert ears.heard[:1] == [b"GET /is-anybody-there HTTP/1.1\r\n"]  # it would have heard
        browser.close()


def value_page() -> None:
    from orchestration.dashboard.pages.customers import value_churn

    value_churn.page()


def test_a_margin_that_is_not_told_says_why(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's 400 orders, 17 hours apart, go from 4 January to 12 October 2024: less than a year."""
    use(refreshed, monkeypatch)
    app = AppTest.from_function(value_page, default_timeout=60).run()
    assert not app.exception
    told = [warning.value for warning in app.warning if "margin of the next 12 months" in warning.value]
    assert [text.split(":", 1)[1] for text in told] == [
        " only 283 days of purchases are known. The amounts at risk scale these to a year."
    ]


def test_a_flag_is_shown_with_its_evidence(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(refreshed, monkeypatch)
    shown = {"key": 1, "flag": "high_credit_risk", "evidence": "2 invoices more than 90 days overdue"}

    def flagged(sql: str, **values: object) -> pd.DataFrame:
        return pd.DataFrame([shown]) if "from customer_flag" in sql else asked(sql, **values)

    from orchestration.dashboard.kit import published

    asked = published.query
    monkeypatch.setattr(published, "query", flagged)
    with duckdb.connect(str(refreshed.published), read_only=True) as con:
        [(key,)] = con.execute(
            "select customer_key from marts.customer_360 where churn_probability is not null order by 1 limit 1"
        ).fetchall()
    app = AppTest.from_function(customer_page, default_timeout=60)
    app.query_params["key"] = str(key)
    app.run()
    assert not app.exception
    assert [warning.value for warning in app.warning] == [
        "Mind: **high credit risk**, 2 invoices more than 90 days overdue"
    ]
    [churn] = [metric.value for metric in app.metric if metric.label == "Churn warning"]
    assert re.fullmatch(r"(normal|prevent|retain|win back), \d+%", churn)
