"""A sample of `python -m tests.breaking`: commands killed at some of their operations, files harmed, disks full."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import breaking
from tests.support.shop import Shop

SEED, SAMPLE = 20260131, 2


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The company that is broken, made once; each try works on a copy."""
    root = tmp_path_factory.mktemp("breaking") / "company"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGULARS_HOME", str(root / "home"))
        patch.setenv("REGULARS_COMPANIES", str(root / "companies"))
        return breaking.make(root)


@pytest.fixture(autouse=True)
def of_company(company: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_HOME", str(company.home))
    monkeypatch.setenv("REGULARS_COMPANIES", str(company.companies))
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    monkeypatch.setenv("SHOP_DATA", str(company.data))


@pytest.mark.parametrize("name", breaking.KINDS)
def test_killed_anywhere_the_next_command_ends_it(company: Shop, tmp_path: Path, name: str) -> None:
    def some(operations: int) -> list[int]:
        return sorted(random.Random(f"{SEED} {name}").sample(range(1, operations + 1), SAMPLE))

    counts = breaking.killed(company, tmp_path, name, some)
    assert counts["FAILED"] == 0
    assert counts.total() == SAMPLE


def test_a_restore_killed_while_it_changes_places_is_finished(company: Shop, tmp_path: Path) -> None:
    counts = breaking.killed(company, tmp_path, "restore", lambda n: [n - 30, n - 14])
    assert counts == {"finished by the next command": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how", "outcome"),
    [("state", "scribbled over", "made again"), ("newest load", "forged", "made again"),
     ("older load", "cut", "stopped by name")],
)  # fmt: skip
def test_harmed_files_are_found_and_made_again(
    company: Shop, tmp_path: Path, name: str, how: str, outcome: str
) -> None:
    assert breaking.damaged(company, tmp_path, name, [how]) == {outcome: 1}


@pytest.mark.parametrize("name", ["publish", "backup"])
def test_a_full_disk_is_said_and_the_command_works_with_room(company: Shop, tmp_path: Path, name: str) -> None:
    assert breaking.limited(company, tmp_path, name, breaking.full_disk, (1, 128))["FAILED"] == 0
