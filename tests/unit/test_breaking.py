"""A sample of `python -m tests.breaking`: commands killed at some of their operations, files harmed, disks full."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import breaking
from tests.support.hostile import HOSTILE, READ, REFUSED
from tests.support.shop import Shop
from tests.support.strange import SAME, STOPPED

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


# Of each kind of place some: lake, state, publication, what lies beside them, and what is not the product's.
ODD = {
    SAME: ["a folder among the loads", "state of something else", "database a link to nothing", "scratch a link",
           "name of an archive elsewhere"],
    STOPPED: ["lake a link to nothing", "state older, and a load gone", "logs a file",
              "journal of a restore of other files", "list of the forgotten of noise"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ODD)
def test_a_state_that_is_not_as_it_was_left(company: Shop, tmp_path: Path, outcome: str) -> None:
    assert breaking.strange(company, tmp_path, ODD[outcome]) == {outcome: len(ODD[outcome])}


def test_what_strangers_send_is_read_or_refused(tmp_path: Path) -> None:
    names = ["a far cell", "a packed workbook", "aliases in YAML", "nested JSON", "column r", "column file_row_number"]
    tries = {name: (HOSTILE[name][0], {HOSTILE[name][1]}) for name in names}
    assert breaking.hostile(tmp_path, tries) == {READ: 2, REFUSED: 4}


def test_nothing_of_a_random_text_file_vanishes(tmp_path: Path) -> None:
    counts = breaking.hostile(tmp_path, breaking.random_text(range(1000, 1030)))
    assert counts["FAILED"] == 0
    assert counts[READ] > 20


@pytest.mark.parametrize("name", ["publish", "backup"])
def test_little_memory_is_said_and_the_command_works_with_more(company: Shop, tmp_path: Path, name: str) -> None:
    assert breaking.limited(company, tmp_path, name, breaking.little_memory, (4,))["FAILED"] == 0


@pytest.mark.parametrize("name", ["publish", "backup"])
def test_a_full_disk_is_said_and_the_command_works_with_room(company: Shop, tmp_path: Path, name: str) -> None:
    assert breaking.limited(company, tmp_path, name, breaking.full_disk, (1, 128))["FAILED"] == 0
