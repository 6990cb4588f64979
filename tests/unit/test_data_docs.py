"""Data Docs load nothing from elsewhere and run nothing, whatever stands in them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.platform.paths import PROJECT
from orchestration.quality.alone import POLICY, alone, make_alone

FROM_ELSEWHERE = re.compile(
    r"<(?:link|script|img|iframe|object|embed|source)\b[^>]*//|url\(\s*['\"]?(?:https?:)?//|@import", re.I
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data Docs as Great Expectations writes them for one suite."""
    folder = tmp_path_factory.mktemp("docs")
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("create table t as select i % 7 as a, case when i % 5 > 0 then 'x' end as b from range(200) t(i)")
    checks = [
        {"number": 0, "rule": "completeness", "column": "b", "measure": None, "low": 0.5, "high": None, "stops": False}
    ]
    order = {"database": str(folder / "w.duckdb"), "docs": str(folder / "site"),
             "suites": [{"name": "till.t", "query": "select * from t", "checks": checks}]}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.quality.expectations"], input=json.dumps(order) + "\n", cwd=PROJECT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_no_page_of_the_data_docs_loads_or_runs_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 3  # index, suite, result
    for path in [*pages, *site.rglob("*.css")]:
        text = path.read_text()
        assert FROM_ELSEWHERE.search(text) is None, path
        assert "<script" not in text.lower()
    for path in pages:
        assert POLICY in path.read_text()
    index = (site / "index.html").read_text()
    for path in pages:
        if path.name != "index.html":
            assert f'href="{path.relative_to(site).as_posix()}"' in index


def test_what_would_run_or_load_is_taken_out_and_the_rest_stays() -> None:
    page = (
        "<html><head><title>t</title><script src='//a.example/x.js'></script></head><body onload=go()>"
        "<img src=http://a.example/b.png><IMG SRC='https://a.example/c'><img src='static/own.png'><p onclick='x()' "
        'onmouseover="y()">kept</p><script>never()</script><style>p { background: url(https://a.example/d) }</style>'
        '<iframe src="//a.example/e"></iframe><a href="https://a.example/f">a link</a><script>unended'
    )
    shown = alone(page)
    assert shown.count("a.example") == 1  # the link, which nobody follows but by a click
    assert "kept" in shown
    assert "static/own.png" in shown
    assert not re.search(r"<script|onload|onclick|onmouseover|unended", shown)
    assert shown.index("Content-Security-Policy") < shown.index("<title>")


def test_a_site_without_pages_is_left_alone(tmp_path: Path) -> None:
    make_alone(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_a_browser_that_opens_the_data_docs_asks_nobody(site: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: make system")
    from playwright.sync_api import sync_playwright

    from docs.screenshots import CHROMIUM_FLAGS

    asked: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for path in site.rglob("*.html"):
            page.goto(path.as_uri())
            page.wait_for_timeout(300)
            assert "till" in page.inner_text("body")
        browser.close()
    assert [url for url in asked if not url.startswith("file:")] == []
