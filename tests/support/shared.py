"""What is built once for all worker processes of a test run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask fills, and that the others wait for. Nobody changes it afterwards.

    Args:
        factory: pytest's own.
        name: of the folder.
        build: fills it; what it raises fails each asking test, and the next one tries again.
    """
    base = factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with root.with_name(f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = root.with_name(f".{name}.whole")
        if not whole.exists():
            build(root)
            whole.touch()
    return root
