"""Take charge of a company's runtime state: its lock, what a killed command left, and who may read its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestration.platform import scratch, swap
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import RegularsError
from orchestration.platform.lock import is_free, refresh_lock
from orchestration.platform.paths import CompanyPaths

PRIVATE = 0o077  # what nobody but the owner may do with the runtime state
PART = "backup.part"  # names the archive that is being written outside of the company's folder


def harden() -> None:
    """Let every file that this process and its children make be readable by its owner only."""
    os.umask(PRIVATE)


def private_paths(paths: CompanyPaths) -> Iterator[Path]:
    """Files and folders below the company's own that only their owner may read: all but what is published."""
    for folder, names, files in os.walk(paths.root):
        place = Path(folder)
        if place == paths.root:
            names[:] = [name for name in names if place / name != paths.published]
        for name in (*names, *files):
            path = place / name
            if not path.is_symlink():
                yield path


def open_to_others(paths: CompanyPaths) -> list[Path]:
    """Private files and folders that others may read, write or enter, and contact data that others may read."""
    found = [*private_paths(paths), *paths.versions.glob("*/contacts.duckdb")]
    return [path for path in found if mode_of(path) & PRIVATE]


def mode_of(path: Path) -> int:
    """Permission bits; none for a file that went meanwhile."""
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except OSError:
        return 0


def tighten(paths: CompanyPaths) -> None:
    """Take others' permission away where an older version of the product, or another tool, gave it."""
    for path in open_to_others(paths):
        with contextlib.suppress(OSError):  # another user's file: doctor tells
            path.chmod(mode_of(path) & ~PRIVATE)


def mend(paths: CompanyPaths) -> list[str]:
    """End or undo what a killed command left; call with the company's lock. Returns what to tell the user.

    Raises:
        RegularsError: it cannot be ended, and nothing else may be done before.
    """
    said = [text] if (text := swap.end(paths.root)) else []
    part = paths.root / PART
    if part.exists():
        with contextlib.suppress(OSError, ValueError):
            Path(part.read_text(encoding="utf-8")).unlink(missing_ok=True)
        part.unlink(missing_ok=True)
        said.append("the archive of a backup that was killed was removed")
    if scratch.empty(paths):
        said.append("temporary files of a killed command were removed")
    left = [path for pattern in (".suppression.*", ".*.tmp") for path in paths.root.glob(pattern)]
    for leftover in (*left, *paths.published.glob(".current-*")):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(paths.root / "quality.new", ignore_errors=True)
    tighten(paths)
    return said


@contextlib.contextmanager
def in_charge(paths: CompanyPaths, command: str | None = None) -> Iterator[list[str]]:
    """Hold the company's lock, with what a killed command left ended or undone before anything else is done.

    Args:
        paths: the company's.
        command: what the lock says it is held for; default: as the user typed it.

    Yields:
        What to tell the user of it.

    Raises:
        RegularsError: another living process holds the lock, or what was left cannot be ended.
    """
    harden()
    paths.make_root()
    with refresh_lock(paths.lock, utc_now().isoformat(), command):
        said = mend(paths)
        scratch.of_company(paths)
        scratch.folder()
        try:
            yield said
        finally:
            scratch.remove()


def end_pending(paths: CompanyPaths) -> str | None:
    """End a restore that was killed, for commands that take no lock; returns what to say of it.

    Where another process holds the lock, that one has ended it, or is about to.
    """
    if not swap.is_pending(paths.root) or not is_free(paths.lock):
        return None
    try:
        with in_charge(paths) as said:
            return "; ".join(said) or None
    except OSError as error:  # a reader's account may not write there
        raise RegularsError(
            f"{paths.root}: a restore was killed and is not ended: {error.strerror}",
            "Run any command as the user who refreshes the company",
        ) from error
