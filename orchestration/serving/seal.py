"""The seal of a published version: its files are read-only, and what was in them is written beside them.

Owner, root and tools that open a database for writing can still change one; the seal tells.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

DATABASE = "regulars.duckdb"
SEAL = "seal.json"
READ_ONLY, OWNER_ONLY = 0o444, 0o400


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def seal(folder: Path, private: frozenset[str]) -> None:
    """Make a version's files read-only and write down what is in them.

    Args:
        folder: the version, complete.
        private: names of files that nobody but their owner may read.
    """
    files = sorted(path for path in folder.iterdir() if path.name != SEAL)
    (folder / SEAL).write_text(json.dumps({path.name: checksum(path) for path in files}), encoding="utf-8")
    for path in [*files, folder / SEAL]:
        path.chmod(OWNER_ONLY if path.name in private else READ_ONLY)


def marks_of(folder: Path) -> str:
    """Sizes and times of a version's files: as long as they stay, nobody wrote into one."""
    found = {path.name: path.stat() for path in folder.iterdir()}
    return json.dumps({n: [s.st_size, s.st_mtime_ns, s.st_ctime_ns] for n, s in sorted(found.items())})


def is_as_published(folder: Path, marks: str | None) -> bool:
    """Whether a version is as it was published.

    Args:
        folder: the version.
        marks: of `marks_of`, when it was known to be so; where they differ, its files are compared with the seal.
    """
    try:
        return (folder / DATABASE).exists() and (marks_of(folder) == marks or not broken(folder))
    except OSError:
        return False


def broken(folder: Path) -> str | None:
    """What is no longer as it was published; None where nothing is, or where the version bears no seal yet."""
    try:
        expected = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        found = {path.name: path for path in folder.iterdir() if path.name != SEAL}
        if missing := sorted(expected.keys() - found.keys()):
            return f"{missing[0]} is gone"
        if added := sorted(found.keys() - expected.keys()):
            return f"{added[0]} lies beside what was published"
        for name, path in sorted(found.items()):
            if checksum(path) != expected[name]:
                return f"{name} was changed"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as error:
        return f"its seal cannot be compared: {error}"
    return None
