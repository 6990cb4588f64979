"""Shared fixtures. Under CI=true a skipped test is a failure: a test that never runs proves nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.config.company import CompanyConfig, load_company
from tests.support.shop import Shop

# A developer's own .env is no part of a test, nor of the processes that tests start.
os.environ["REGULARS_ENV_FILE"] = os.devnull
# Customer keys follow from it, and with them which customers a model learns from: figures are those of one secret.
os.environ["REGULARS_PSEUDONYM_KEY"] = "of the companies of tests"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr[-1]}"


TESTDATA = Path(os.environ.get("REGULARS_TESTDATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of data sets that are not there: they are the user's, never the project's."""
    absent = [
        item for item in items for mark in item.iter_markers("testdata") if not (TESTDATA / mark.args[0]).exists()
    ]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A small company with its own configuration, data and state below a temporary folder."""
    made = Shop(tmp_path)
    made.write()
    monkeypatch.setenv("REGULARS_HOME", str(made.home))
    monkeypatch.setenv("REGULARS_COMPANIES", str(made.companies))
    monkeypatch.delenv("REGULARS_COMPANY", raising=False)
    return made


@pytest.fixture
def config(shop: Shop) -> CompanyConfig:
    """The small company, loaded."""
    return load_company("shop")
