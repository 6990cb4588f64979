"""A small company refreshed once by the command line; tests that change something work on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shared import built_once
from tests.support.shop import Shop

Copier = Callable[[], Shop]


@pytest.fixture(scope="session")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The small company after its first refresh. Do not change it: all workers read it."""

    def build(root: Path) -> None:
        shop = Shop(root)
        shop.write()
        done = shop.regulars("refresh")
        assert done.returncode == 0, done.stdout + done.stderr

    return Shop(built_once(tmp_path_factory, "refreshed", build))


@pytest.fixture
def copy(refreshed: Shop, tmp_path: Path) -> Copier:
    """Makes independent copies of the refreshed company."""
    made = 0

    def make() -> Shop:
        nonlocal made
        made += 1
        root = tmp_path / f"copy{made}"
        shutil.copytree(refreshed.root, root, symlinks=True)
        shop = Shop(root)
        shop.configure()
        return shop

    return make
