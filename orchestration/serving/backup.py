"""Back up what cannot be made again, and put it back: lake, state, key of the pseudonyms, list of the forgotten.

The warehouse and the published versions are made from them; `regulars refresh --full` makes them again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.company import CompanyConfig
from orchestration.errors import RegularsError, UsageError
from orchestration.landing.lake import Lake
from orchestration.privacy.erasure import refuse_pending
from orchestration.privacy.scrub import scrub_lake
from orchestration.privacy.suppression import Suppression
from orchestration.serving.seal import checksum
from orchestration.state import State
from orchestration.warehouse import remove_database

CONTENTS = "backup.json"  # first in the archive: what is in it, with a checksum of each file
FORMAT = 1
KEY = "pseudonym.key"


def files_of(config: CompanyConfig, state_copy: Path) -> dict[str, Path]:
    """Name in the archive → file."""
    paths = config.paths
    found = {f"lake/{path.relative_to(paths.lake)}": path for path in sorted(paths.lake.rglob("*")) if path.is_file()}
    found["state.sqlite"] = state_copy
    found |= {path.name: path for path in (paths.root / KEY, *Suppression(paths.root).files) if path.exists()}
    return found


def copy_state(source: Path, target: Path) -> None:
    """Copy an SQLite file as it is at one moment, its log folded in."""
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)


def backup(config: CompanyConfig, target: Path, created_at: str) -> dict[str, Any]:
    """Write a backup, readable by its owner only; call with the company's lock. Returns what is in it.

    Args:
        config: the company.
        target: archive to write (tar; Parquet is compressed already). An old one of that name stays until it is whole.
        created_at: when, for the archive.

    Raises:
        UsageError: nothing was loaded yet.
        RegularsError: the disk is full or not writable.
    """
    paths = config.paths
    refuse_pending(config)
    if not paths.state.exists() or not paths.lake.exists():
        raise UsageError(f"nothing was loaded yet in {paths.root}", "Run: regulars refresh")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(dir=paths.temp) as folder:
            copy_state(paths.state, Path(folder) / "state.sqlite")
            files = files_of(config, Path(folder) / "state.sqlite")
            contents = {
                "format": FORMAT, "company": config.company.name, "created_at": created_at,
                "files": {name: checksum(path) for name, path in files.items()},
            }  # fmt: skip
            head = Path(folder) / CONTENTS
            head.write_text(json.dumps(contents), encoding="utf-8")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
                archive.add(head, CONTENTS)
                for name, path in files.items():
                    archive.add(path, name, recursive=False)
        temporary.replace(target)
    except OSError as error:
        raise RegularsError(f"{target}: {error.strerror}", "Check disk space and permission") from error
    finally:
        temporary.unlink(missing_ok=True)
    return contents | {"bytes": target.stat().st_size}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[tarfile.TarFile, dict[str, Any]]]:
    """An archive and what it says is in it.

    Raises:
        UsageError: it is no backup.
    """
    try:
        with tarfile.open(path) as archive:
            head = archive.extractfile(CONTENTS)
            contents = json.loads(head.read()) if head else {}
            if contents.get("format") != FORMAT:
                raise KeyError(CONTENTS)
            yield archive, contents
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise UsageError(
            f"{path}: not a whole backup of this product: {error}", "Give a file of: regulars backup"
        ) from error


def restore(config: CompanyConfig, source: Path, replace: bool) -> dict[str, Any]:
    """Put a backup in the place of the company's lake, state and key; call with the company's lock.

    It is unpacked and checked beside them first, so that a damaged archive changes nothing. Persons who were forgotten
    here or there, before or after it was made, are taken out of it.

    Args:
        config: the company.
        source: the archive.
        replace: also where the company has a lake already.

    Raises:
        UsageError: another company's backup, no backup, a damaged one, or there is a lake and `replace` is false.
        RegularsError: the disk is full or not writable.
    """
    paths = config.paths
    if paths.lake.exists() and any(paths.lake.iterdir()) and not replace:
        raise UsageError(f"{paths.lake}: holds loads already", "Add --replace to put the backup in their place")
    incoming = paths.root / ".restoring"
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        with opened(source) as (archive, contents):
            if contents["company"] != config.company.name:
                raise UsageError(
                    f"{source}: a backup of company '{contents['company']}', not of '{config.company.name}'",
                    f"Add: --company {contents['company']}",
                )
            archive.extractall(incoming, filter="data")
        for name, expected in contents["files"].items():
            path = incoming / name
            if not path.is_file() or checksum(path) != expected:
                raise UsageError(f"{source}: {name} is damaged", "Nothing was changed; restore another backup")
        suppression = Suppression(paths.root)
        if Suppression(incoming):
            suppression.merge(Suppression(incoming))
        scrub_lake(config, Lake(incoming / "lake"), suppression)
        shutil.rmtree(paths.lake, ignore_errors=True)
        (incoming / "lake").replace(paths.lake)
        for log in ("-wal", "-shm"):
            paths.state.with_name(paths.state.name + log).unlink(missing_ok=True)
        (incoming / "state.sqlite").replace(paths.state)
        if suppression:
            with State(paths.state) as state:
                state.forget_messages()  # they may quote a value; who was forgotten cannot be told from a seal
        if (incoming / KEY).exists():
            (incoming / KEY).replace(paths.root / KEY)
            (paths.root / KEY).chmod(0o600)
    except OSError as error:
        raise RegularsError(
            f"{error.filename or paths.root}: {error.strerror}", "Check disk space and permission"
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    remove_database(paths.warehouse)
    remove_database(paths.serve)
    return contents
