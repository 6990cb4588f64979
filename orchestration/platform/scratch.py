"""Temporary files of a process lie below the company's own folder, and go with the process.

The system's temporary folder is others' too, and nobody empties it after a kill. Each process has a folder of its own
that it holds by a lock, so that the next command can tell the folders of the dead from those of the living.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from orchestration.platform.paths import CompanyPaths

if TYPE_CHECKING:
    import duckdb

PREFIX = "scratch-"
HELD = ".held"
YOUNG = 60  # seconds


class Scratch:
    """The scratch folder of this process."""

    company: CompanyPaths | None = None
    folder: Path | None = None
    owner: int | None = None
    before: str | None = None  # TMPDIR as it was
    held: IO[bytes] | None = None


def of_company(paths: CompanyPaths) -> None:
    """Say whose company this process works for; makes nothing yet."""
    if Scratch.company != paths:
        remove()
        Scratch.company = paths


def folder() -> Path | None:
    """The scratch folder of this process, made at its first use; None where it works for no company.

    From then on Python's temporary files, and those of processes that are started, lie in it, too.
    """
    if Scratch.company is None:
        return None
    if Scratch.folder is None or Scratch.owner != os.getpid() or not Scratch.folder.is_dir():
        Scratch.company.make_root()
        Scratch.company.temp.mkdir(mode=0o700, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=Scratch.company.temp))
        Scratch.held = (made / HELD).open("wb")  # freed when the process dies, however it dies
        fcntl.flock(Scratch.held, fcntl.LOCK_EX)
        if Scratch.owner is None:
            atexit.register(remove)
        if Scratch.folder is None:
            Scratch.before = os.environ.get("TMPDIR")
        Scratch.folder, Scratch.owner = made, os.getpid()
        tempfile.tempdir = os.environ["TMPDIR"] = str(made)
    return Scratch.folder


def memory_database() -> duckdb.DuckDBPyConnection:
    """A database in memory whose spilled rows lie in the scratch folder: DuckDB's default is the current folder."""
    import duckdb

    place = folder()
    return duckdb.connect(config={"temp_directory": str(place / "spill")} if place else {})


def remove() -> None:
    """Delete the scratch folder of this process."""
    if Scratch.folder is None or Scratch.owner != os.getpid():
        return
    shutil.rmtree(Scratch.folder, ignore_errors=True)
    if Scratch.held:
        Scratch.held.close()
    Scratch.folder = Scratch.held = None
    tempfile.tempdir = None
    os.environ.pop("TMPDIR", None)
    if Scratch.before is not None:
        os.environ["TMPDIR"] = Scratch.before


def is_alive(path: Path) -> bool:
    """Whether a living process holds a scratch folder."""
    try:
        with (path / HELD).open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # made a moment ago, and not held yet?
        pid = path.name.removeprefix(PREFIX).partition("-")[0]
        return pid.isdigit() and Path(f"/proc/{pid}").exists() and time.time() - path.lstat().st_mtime < YOUNG
    except OSError:
        return False
    return False


def empty(paths: CompanyPaths) -> int:
    """Delete what dead processes left in the company's folder of temporary files; call with the company's lock.

    Returns how many files and folders went.
    """
    removed = 0
    for path in paths.temp.glob("*"):
        if path.name.startswith(PREFIX) and path.is_dir() and is_alive(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    return removed
