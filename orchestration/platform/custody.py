"""Take charge of a company's runtime state: its lock, what a killed command left, and who may read its files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestration.platform import scratch, swap
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import RegularsError, in_the_way
from orchestration.platform.lock import is_free, refresh_lock
from orchestration.platform.paths import CompanyPaths
from orchestration.platform.pseudonym import PSEUDONYM_FILE

PRIVATE = 0o077  # what nobody but the owner may do with the runtime state
PART = "backup.part"  # names the archive that is being written outside of the company's folder
OWN_FILES = (PSEUDONYM_FILE, "suppression.parquet", "suppression.key", "erasure.pending")  # beside lake and state


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


def refuse_strange(paths: CompanyPaths) -> None:
    """Stop where something else lies in the place of a file or folder of the product's own.

    Raises:
        RegularsError: a folder where a file should be, a file where a folder should be, or a link to nothing.
    """
    files = [paths.state, paths.warehouse, paths.serve, paths.lock, paths.translation]
    files += [paths.root / name for name in (PART, swap.JOURNAL, *OWN_FILES)]
    folders = (paths.lake, paths.published, paths.versions, paths.logs, paths.temp, paths.aside, paths.models,
               paths.dagster, paths.dbt)  # fmt: skip
    for path in (*files, *folders):
        if path.is_symlink() and not path.exists():
            raise RegularsError(
                f"{path}: is a link to {path.readlink()}, which is not there",
                "Bring back what it points to (is its disk mounted?), or delete the link; nothing was changed",
            )
    for path in files:
        if path.is_dir():
            raise in_the_way(path, "is a folder, and should be a file")
    for path in folders:
        if path.exists() and not path.is_dir():
            raise in_the_way(path, "is a file, and should be a folder")
    if paths.current.is_dir() and not paths.current.is_symlink():
        raise in_the_way(paths.current, "is a folder, and should be a link to a version")


def mend(paths: CompanyPaths) -> list[str]:
    """End or undo what a killed command left; call with the company's lock. Returns what to tell the user.

    Raises:
        RegularsError: it cannot be ended, and nothing else may be done before.
    """
    said = [text] if (text := swap.end(paths.root)) else []
    part = paths.root / PART
    if part.exists():
        with contextlib.suppress(OSError, ValueError):
            archive = Path(part.read_text(encoding="utf-8"))
            if re.fullmatch(r"\..+\.part", archive.name):  # as a backup names it, and nothing else
                archive.unlink(missing_ok=True)
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
    refuse_strange(paths)
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
