"""Fixtures of unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.drafting import Drafts


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drafts:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    return Drafts(tmp_path)
