"""One refresh per company at a time: an advisory lock that the system frees when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestration.platform.errors import RegularsError


def holder(path: Path) -> str:
    """Who wrote the lock file last: pid, start and command."""
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        return f"process {info['pid']} ({info['command']}, since {info['started_at']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def is_free(path: Path) -> bool:
    """Whether no living process holds the lock. Writes nothing."""
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return True
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(handle, fcntl.LOCK_UN)
        return True


def busy(path: Path) -> RegularsError:
    """The error of a second caller; names the holder."""
    return RegularsError(f"{path}: held by {holder(path)}", "Wait until it ends, or end that process, and try again")


@contextlib.contextmanager
def refresh_lock(path: Path, started_at: str, command: str | None = None) -> Iterator[None]:
    """Hold the company's lock.

    Args:
        path: the lock file.
        started_at: when, for a second caller.
        command: what for; default: as the user typed it.

    Raises:
        RegularsError: another living process holds it; names pid, command and start.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy(path) from None
        handle.seek(0)
        handle.truncate()
        command = command or " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        json.dump({"pid": os.getpid(), "started_at": started_at, "command": command}, handle)
        handle.flush()
        yield
