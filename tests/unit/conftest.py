"""Fixtures of unit tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestration.config.company import load_company
from tests.breaking import do_load
from tests.support.drafting import Drafts
from tests.support.shared import built_once
from tests.support.shop import Shop


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drafts:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    return Drafts(tmp_path)


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company, loaded and conformed once; nobody changes it."""

    def build(root: Path) -> None:
        shop = Shop(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGULARS_HOME", str(shop.home))
            patch.setenv("REGULARS_COMPANIES", str(shop.companies))
            shop.write()
            do_load(load_company("shop"))

    return built_once(tmp_path_factory, "first_day", build)


@pytest.fixture
def loaded(first_day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A copy of the company of the first day."""
    shutil.copytree(first_day, tmp_path, symlinks=True, dirs_exist_ok=True)
    shop = Shop(tmp_path)
    monkeypatch.setenv("REGULARS_HOME", str(shop.home))
    monkeypatch.setenv("REGULARS_COMPANIES", str(shop.companies))
    monkeypatch.delenv("REGULARS_COMPANY", raising=False)
    shop.configure()
    return shop
