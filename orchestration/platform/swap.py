"""Put several files and folders into the place of others in what counts as one step.

The new ones lie whole and on the disk in `.restoring/new` before a journal, `restore.json`, is written; from then on
the step is only ever finished, by whoever takes the company's lock next. Before that, nothing has happened.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestration.platform.durable import move, sync_folder, sync_tree, write_whole
from orchestration.platform.errors import RegularsError

JOURNAL = "restore.json"
FOLDER = ".restoring"


def incoming(root: Path) -> Path:
    """Where the new files are made ready."""
    return root / FOLDER / "new"


def is_pending(root: Path) -> bool:
    """Whether a step was begun and not ended. Writes nothing."""
    return (root / JOURNAL).exists() or (root / FOLDER).exists()


def begin(root: Path, away: Sequence[str]) -> None:
    """Decide on the step: from now on it will be ended, whatever is killed.

    Args:
        root: folder of all of them.
        away: names that go without another in their place, where they are there.

    Raises:
        RegularsError: a name is a link or a mount point, which cannot be moved aside.
    """
    names = sorted(path.name for path in incoming(root).iterdir())
    for name in (*names, *away):
        path = root / name
        if path.is_symlink() or path.is_mount():
            raise RegularsError(
                f"{path}: is a link or a mount point, which cannot be moved aside",
                "Put a folder in its place, or set REGULARS_HOME to the other disk; nothing was changed",
            )
    sync_tree(incoming(root))
    write_whole(root / JOURNAL, json.dumps({"bring": names, "away": list(away)}))


def end(root: Path) -> str | None:
    """Finish a step that was decided, or clear one away that was not; returns what to say of it, None where none was.

    Call with the company's lock.

    Raises:
        RegularsError: the journal cannot be read, or a file not be moved.
    """
    if not is_pending(root):
        return None
    done = "a restore that was killed before its end was undone: lake and state are as they were"
    try:
        if (root / JOURNAL).exists():
            exchange(root)
            done = "a restore that was killed is finished: lake and state are those of the backup"
        shutil.rmtree(root / FOLDER, ignore_errors=True)
    except OSError as error:
        raise RegularsError(
            f"{error.filename or root}: {error.strerror}: a restore that was begun cannot be ended",
            "Give this user permission there and free disk space; any command that writes ends it then",
        ) from error
    return done


def exchange(root: Path) -> None:
    """Move the old ones aside and the new ones in; what was moved already stays."""
    try:
        journal = json.loads((root / JOURNAL).read_text(encoding="utf-8"))
        bring, away = list(journal["bring"]), list(journal["away"])
    except (ValueError, KeyError, TypeError) as error:
        raise RegularsError(
            f"{root / JOURNAL}: cannot be read: {error}",
            f"It is the journal of a restore. Delete it and {root / FOLDER}, and restore the backup again",
        ) from error
    old = root / FOLDER / "old"
    for name in away:
        if os.path.lexists(root / name):
            move(root / name, old / name)
    for name in bring:
        fresh = incoming(root) / name
        if not fresh.exists():
            continue
        if os.path.lexists(root / name):
            move(root / name, old / name)
        move(fresh, root / name)
    (root / JOURNAL).unlink()
    sync_folder(root)
