"""A restore is one step: no half archive changes anything, and a killed restore is ended by the next command."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from orchestration.cli.console import of_company
from orchestration.config.company import CompanyConfig, load_company
from orchestration.platform import swap
from orchestration.platform.custody import in_charge
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.state import INPUTS, State
from orchestration.run.refresh import open_session
from orchestration.serving.backup import backup, restore
from tests.breaking import lake_of
from tests.support.archives import BAD, adding, members_of, named, write
from tests.support.shop import Shop


@pytest.fixture
def config(loaded: Shop) -> CompanyConfig:
    return load_company("shop")


@pytest.fixture
def archive(config: CompanyConfig, tmp_path: Path) -> Path:
    """A backup of the small company."""
    with in_charge(config.paths):
        backup(config, tmp_path / "shop.tar", "2025-01-01")
    return tmp_path / "shop.tar"


@pytest.mark.slow
def test_an_archive_that_is_no_whole_backup_changes_nothing(config: CompanyConfig, archive: Path) -> None:
    whole = members_of(archive)
    before, root = lake_of(config), config.paths.root
    files = {path: path.stat().st_mtime_ns for path in config.paths.lake.rglob("*")}
    for name, (change, listed, said) in BAD.items():
        write(archive, change(whole), listed)
        with in_charge(config.paths), pytest.raises(UsageError) as refused:
            restore(config, archive, replace=True)
        assert said in refused.value.message, name
        assert refused.value.cure, name
        assert {path: path.stat().st_mtime_ns for path in config.paths.lake.rglob("*")} == files, name
        assert not (root / swap.FOLDER).exists(), name
        assert not (root.parent / "evil").exists(), name
    assert lake_of(config) == before
    write(archive, whole)
    with in_charge(config.paths):
        restore(config, archive, replace=True)
    assert lake_of(config) == before


def test_a_damaged_load_is_not_backed_up(config: CompanyConfig, archive: Path) -> None:
    whole = archive.read_bytes()
    part = next(config.paths.lake.glob("till/orders/*/part-0.parquet"))
    with part.open("r+b") as file:
        file.seek(500)
        file.write(b"noise" * 9)
    with (
        in_charge(config.paths),
        pytest.raises(RegularsError, match=r"till\.orders \(400 rows\): part-0.*not as it was"),
    ):
        backup(config, archive, "2025-01-02")
    assert archive.read_bytes() == whole


def test_a_restored_state_is_not_taken_for_what_is_published(config: CompanyConfig, archive: Path) -> None:
    with State(config.paths.state) as state:
        state.set_fact(INPUTS, "as published")
    with in_charge(config.paths):
        backup(config, archive, "2025-01-02")
        restore(config, archive, replace=True)
    with State(config.paths.state, read_only=True) as state:
        assert state.fact(INPUTS) == ""
    assert config.paths.root.joinpath("state.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_step_that_was_decided_is_ended_by_whatever_command_comes(config: CompanyConfig, archive: Path) -> None:
    before = lake_of(config)
    with in_charge(config.paths), pytest.MonkeyPatch.context() as patch:
        patch.setattr(swap, "end", lambda _: None)  # killed after the decision
        restore(config, archive, replace=True)
    (config.paths.lake).rename(config.paths.root / swap.FOLDER / "old-lake")  # ... and between two renames
    (config.paths.root / swap.FOLDER / "old").mkdir(exist_ok=True)
    (config.paths.root / swap.FOLDER / "old-lake").rename(config.paths.root / swap.FOLDER / "old" / "lake")
    of_company("shop")
    assert lake_of(config) == before
    assert not swap.is_pending(config.paths.root)
    of_company("shop")  # nothing is left to do


def test_a_step_that_was_not_decided_never_happened(config: CompanyConfig, archive: Path) -> None:
    before = lake_of(config)
    (swap.incoming(config.paths.root) / "lake").mkdir(parents=True)
    with in_charge(config.paths) as said:
        assert any("undone: lake and state are as they were" in text for text in said)
    assert lake_of(config) == before


def test_a_broken_journal_stops_every_command_and_its_cure_works(config: CompanyConfig, archive: Path) -> None:
    before = lake_of(config)
    (config.paths.root / swap.JOURNAL).write_text("{")
    with pytest.raises(RegularsError, match=r"restore\.json: cannot be read.*Delete it"):
        of_company("shop")
    (config.paths.root / swap.JOURNAL).unlink()
    with in_charge(config.paths):
        restore(config, archive, replace=True)
    assert lake_of(config) == before


def test_a_lake_on_another_disk_is_not_moved_aside(config: CompanyConfig, archive: Path) -> None:
    elsewhere = config.paths.lake.rename(archive.with_name("elsewhere"))
    config.paths.lake.symlink_to(elsewhere)
    with in_charge(config.paths), pytest.raises(RegularsError, match="is a link or a mount point"):
        restore(config, archive, replace=True)
    assert config.paths.lake.is_symlink()
    assert lake_of(config)


def test_what_lay_beside_the_loads_is_neither_backed_up_nor_put_back(config: CompanyConfig, archive: Path) -> None:
    before, whole = lake_of(config), members_of(archive)
    folder = next(config.paths.lake.glob("till/orders/*"))
    for place in (config.paths.lake, folder.parent, folder):
        (place / "notes.txt").write_text("of somebody")
    with in_charge(config.paths):
        backup(config, archive, "2025-01-02")
    assert [member.name for member, _ in members_of(archive)] == [member.name for member, _ in whole]
    names = ("lake/notes.txt", "lake/till/\x1b[31m", f"lake/{'a' * 300}/b", "lake/till/orders/x")
    write(archive, adding(*map(named, names))(whole), listed=True)  # as a version of before made it
    with in_charge(config.paths):
        restore(config, archive, replace=True)
    assert lake_of(config) == before
    kept = {path.name for path in config.paths.lake.rglob("*") if path.is_file()}
    assert kept == {"part-0.parquet", "_manifest.json"}


def test_an_archive_does_not_lie_in_what_it_holds(config: CompanyConfig) -> None:
    for target in (config.paths.lake / "shop.tar", config.paths.root / "shop.tar"):
        with in_charge(config.paths), pytest.raises(UsageError, match=r"lies in what is backed up.*outside of"):
            backup(config, target, "2025-01-02")
        assert not target.exists()


def test_a_state_of_an_older_version_keeps_its_books(config: CompanyConfig, archive: Path) -> None:
    """Without them nobody could tell that a load of an archive is gone."""
    with contextlib.closing(sqlite3.connect(config.paths.state)) as con:
        con.executescript("alter table load_audit drop column drift; pragma user_version = 2;")
    known = [("load_id", "rows_landed"), *((row[2], row[3]) for row in lake_of(config))]
    with State(config.paths.state) as state:
        books = [tuple(row.values())[2:] for row in state.known_loads()]
    assert books == known[1:]


def test_a_state_of_a_newer_version_is_left_alone(config: CompanyConfig) -> None:
    with contextlib.closing(sqlite3.connect(config.paths.state)) as con:
        con.executescript("pragma user_version = 99;")
    before = config.paths.state.read_bytes()
    with pytest.raises(RegularsError, match=r"is of layout 99.*Use the newer version"), open_session(config, "refresh"):
        pass
    assert config.paths.state.read_bytes() == before
