"""Kill a process at any of its operations on files, databases and the journal.

The process is a fork of this one, which has imported everything already; it counts what it is about to do, and dies by
SIGKILL before the operation of the wanted number.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

NAMES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.chmod", "os.truncate", "os.utime"}
DATABASES = ("DuckDBPyConnection", "Connection")


@dataclass
class Counter:
    """Counts operations of this process, and kills it at one.

    Args:
        at: number of the operation that does not happen; 0 counts only.
    """

    at: int
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> None:
        """An operation is about to happen."""
        with self.lock:
            self.seen += 1
            if self.seen == self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: what Python does to files."""
        if event == "open":
            if (
                isinstance(arguments[2], int)
                and arguments[2] & (os.O_WRONLY | os.O_RDWR)
                and arguments[0] != os.devnull
            ):
                self()
        elif event in NAMES:
            self()

    def on_call(self, frame: FrameType, event: str, called: Any) -> None:  # noqa: ARG002
        """A profile hook: each statement that DuckDB or SQLite is given."""
        if event != "c_call":
            return
        owner = type(getattr(called, "__self__", None)).__name__
        if owner in DATABASES and called.__name__ in ("execute", "executemany", "executescript", "backup"):
            self()

    def watch(self) -> None:
        """Begin to count, until the process ends."""
        synced = os.fsync

        def fsync(handle: int) -> None:
            self()
            synced(handle)

        os.fsync = fsync  # type: ignore[assignment]
        sys.addaudithook(self.on_event)
        threading.setprofile(self.on_call)
        sys.setprofile(self.on_call)


def run(action: Callable[[], object], at: int = 0) -> int:
    """Run an action in a fork that dies at an operation; returns how many operations there were, 0 where it died.

    Raises:
        RuntimeError: the action itself failed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            counter = Counter(at)
            counter.watch()
            action()
            sys.setprofile(None)
            os.write(writer, str(counter.seen).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reader) as said:
        seen = int(said.read() or 0)
    if code > 0:  # a library that aborts for want of memory was killed, too
        raise RuntimeError(f"the action failed with code {code}")
    return seen
