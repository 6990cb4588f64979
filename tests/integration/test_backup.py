"""A backup holds what cannot be made again; restored into an empty place it gives the same publication."""

from __future__ import annotations

import shutil

import pytest

from tests.integration.conftest import Copier
from tests.support.equality import contents, difference


@pytest.mark.slow
def test_a_restored_company_publishes_the_same(copy: Copier) -> None:
    shop = copy()
    before = contents(shop.published, ("core", "marts"))
    archive = shop.root / "shop.tar"
    done = shop.regulars("backup", str(archive))
    assert done.returncode == 0, done.stderr
    assert archive.stat().st_mode & 0o777 == 0o600
    assert shop.regulars("restore", str(archive)).returncode == 2  # there is a lake already
    shutil.rmtree(shop.state)
    done = shop.regulars("restore", str(archive))
    assert done.returncode == 0, done.stderr
    done = shop.regulars("refresh", "--full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert difference(contents(shop.published, ("core", "marts")), before) is None


def test_a_damaged_or_foreign_archive_changes_nothing(copy: Copier) -> None:
    shop = copy()
    archive = shop.root / "shop.tar"
    assert shop.regulars("backup", str(archive)).returncode == 0
    lake = {path: path.stat().st_mtime_ns for path in (shop.state / "lake").rglob("*")}
    data = bytearray(archive.read_bytes())
    at = data.find(b"PAR1")
    data[at + 4] ^= 255
    archive.write_bytes(bytes(data))
    done = shop.regulars("restore", str(archive), "--replace")
    assert done.returncode == 2
    assert "is damaged" in done.stderr
    archive.write_bytes(b"no archive")
    done = shop.regulars("restore", str(archive), "--replace")
    assert done.returncode == 2
    assert "not a whole backup" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in (shop.state / "lake").rglob("*")} == lake
