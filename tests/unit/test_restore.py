"""A restore is one step: no half archive changes anything, and a killed restore is ended by the next command."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.cli.console import of_company
from orchestration.config.company import CompanyConfig, load_company
from orchestration.platform import swap
from orchestration.platform.custody import in_charge
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.state import INPUTS, State
from orchestration.serving.backup import backup, restore
from tests.breaking import lake_of
from tests.support.shop import Shop

Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture
def config(loaded: Shop) -> CompanyConfig:
    return load_company("shop")


@pytest.fixture
def archive(config: CompanyConfig, tmp_path: Path) -> Path:
    """A backup of the small company."""
    with in_charge(config.paths):
        backup(config, tmp_path / "shop.tar", "2025-01-01")
    return tmp_path / "shop.tar"


def members_of(path: Path) -> list[Member]:
    with tarfile.open(path) as tar:
        return [(member, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar]


def write(path: Path, members: list[Member], listed: bool = False) -> None:
    """Write an archive; with `listed` its list of contents names all of it."""
    if listed:
        contents = json.loads(members[0][1])
        contents["files"] = {m.name: hashlib.sha256(data).hexdigest() for m, data in members[1:]}
        members = [(members[0][0], json.dumps(contents).encode()), *members[1:]]
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b"x" if kind == tarfile.REGTYPE else b""


def without(*names: str) -> Callable[[list[Member]], list[Member]]:
    return lambda found: [m for m in found if not m[0].name.startswith(names)]


def adding(*more: Member) -> Callable[[list[Member]], list[Member]]:
    return lambda found: [*found, *more]


# what is done to the archive, whether its list of contents is made to fit, and what is said
BAD: dict[str, tuple[Callable[[list[Member]], list[Member]], bool, str]] = {
    "no lake": (without("lake/"), True, "holds no lake"),
    "no state": (without("state.sqlite"), True, "holds no state"),
    "no manifest": (lambda found: [m for m in found if "_manifest" not in m[0].name], True, "holds no load"),
    "a load without its manifest": (
        lambda found: [m for m in found if not ("orders" in m[0].name and "_manifest" in m[0].name)],
        True, "its manifest is gone",
    ),
    "a load without its rows": (
        lambda found: [m for m in found if not ("orders" in m[0].name and "part" in m[0].name)],
        True, "part-0.parquet is gone",
    ),
    "a load less": (lambda found: [m for m in found if "orders" not in m[0].name], True, "is gone from the lake"),
    "a file less": (without("lake/till/orders"), False, "of its list of contents is not in it"),
    "a file more": (adding(named("lake/till/orders/L9/part-0.parquet")), False, "is not in its list of contents"),
    "a file twice": (lambda found: [*found, found[-1]], False, "twice in the archive"),
    "out of the folder": (adding(named("lake/../../evil")), True, "does not belong into a backup"),
    "an absolute path": (adding(named("/etc/evil")), True, "does not belong into a backup"),
    "another name": (adding(named("published/evil")), True, "does not belong into a backup"),
    "a doubled slash": (adding(named("lake//x")), True, "does not belong into a backup"),
    "a link": (adding(named("lake/x", tarfile.SYMTYPE, "/etc/passwd")), True, "does not belong into a backup"),
    "a hard link": (adding(named("lake/x", tarfile.LNKTYPE, "state.sqlite")), True, "does not belong into a backup"),
    "a device": (adding(named("lake/x", tarfile.CHRTYPE)), True, "does not belong into a backup"),
    "a folder": (adding(named("lake/x", tarfile.DIRTYPE)), True, "does not belong into a backup"),
    "another state": (
        lambda found: [(m, b"no database" * 99 if m.name == "state.sqlite" else data) for m, data in found],
        True, "is damaged",
    ),
    "no list": (lambda found: found[1:], False, "not a whole backup"),
}  # fmt: skip


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
