"""Back up what cannot be made again, and put it back: lake, state, key of the pseudonyms, list of the forgotten.

The warehouse and the published versions are made from them; `regulars refresh --full` makes them again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from orchestration.config.company import CompanyConfig
from orchestration.landing.lake import DELETED_PART, MANIFEST, PART, PRUNED, REJECTED_PART, Lake, parts_of
from orchestration.landing.lost import look
from orchestration.platform import swap
from orchestration.platform.custody import PART as UNDER_WAY
from orchestration.platform.durable import move, sync_file, write_whole
from orchestration.platform.errors import RegularsError, UsageError, refused_by_system
from orchestration.platform.pseudonym import PSEUDONYM_FILE as KEY
from orchestration.platform.pseudonym import secret_in
from orchestration.platform.state import INPUTS, State
from orchestration.privacy.erasure import refuse_pending
from orchestration.privacy.scrub import scrub_lake
from orchestration.privacy.suppression import KEYS, LIST, Suppression
from orchestration.serving.seal import checksum

CONTENTS = "backup.json"  # first in the archive: what is in it, with a checksum of each file
FORMAT = 1
LAKE, STATE = "lake/", "state.sqlite"
OF_A_LOAD = (MANIFEST, PART, DELETED_PART, REJECTED_PART)
BESIDE = (STATE, KEY, LIST, KEYS)  # what an archive may hold besides the lake
MADE = ("warehouse.duckdb", "warehouse.duckdb.wal", "serve.duckdb", "serve.duckdb.wal")  # made again from the lake
LOGS = ("state.sqlite-wal", "state.sqlite-shm")


def files_of(config: CompanyConfig, state_copy: Path) -> dict[str, Path]:
    """Name in the archive → file. Of the lake what is the product's own: committed loads, and names of pruned ones."""
    paths, lake = config.paths, Lake(config.paths.lake)
    places = [path for path in paths.lake.glob(f"*/*/{PRUNED}") if path.is_file()]
    for manifest in lake.manifests():
        folder = lake.folder(manifest.source_system, manifest.table_name, manifest.load_id)
        places += [folder / name for name in (MANIFEST, *parts_of(manifest))]
    found = {f"{LAKE}{path.relative_to(paths.lake)}": path for path in sorted(places)}
    found[STATE] = state_copy
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
        UsageError: nothing was loaded yet, or the archive would lie in what it holds.
        RegularsError: the disk is full or not writable, or a load of the lake is damaged.
    """
    paths = config.paths
    if target.resolve().is_relative_to(paths.root.resolve()):
        raise UsageError(f"{target}: lies in what is backed up", f"Give a file outside of {paths.root}")
    refuse_pending(config)
    if not paths.state.exists() or not paths.lake.exists():
        raise UsageError(f"nothing was loaded yet in {paths.root}", "Run: regulars refresh")
    with State(paths.state, read_only=True) as state:
        check_loads(Lake(paths.lake), state)
    temporary = target.absolute().with_name(f".{target.name}.part")
    try:
        write_whole(paths.root / UNDER_WAY, str(temporary))  # the next command deletes it, should this one be killed
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
        sync_file(temporary)
        move(temporary, target)
    except OSError as error:
        raise refused_by_system(error, target) from error
    finally:
        temporary.unlink(missing_ok=True)
        (paths.root / UNDER_WAY).unlink(missing_ok=True)
    return contents | {"bytes": target.stat().st_size}


def check_loads(lake: Lake, state: State) -> None:
    """Read every file of every load, and the state.

    Raises:
        RegularsError: a load that the state knows is not in the lake as it was committed, or the state is damaged.
    """
    state.check()
    if lost := look(lake, state, deep=True).lost:
        raise RegularsError(f"{lost[0]}, of {len(lost)} damaged load(s)", "Run: regulars refresh --full")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[tarfile.TarFile, dict[str, Any]]]:
    """An archive and what it says is in it.

    Raises:
        UsageError: it is no backup.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:  # packed ones are not ours, and may be bombs
            first = archive.next()
            head = archive.extractfile(first) if first and first.name == CONTENTS else None
            contents = json.loads(head.read()) if head else {}
            if not isinstance(contents, dict) or "format" not in contents:
                raise ValueError(f"{CONTENTS} is not at its begin")
            if contents["format"] != FORMAT:
                raise UsageError(
                    f"{path}: is of layout {str(contents['format'])[:20]!r}, and this version of the product knows "
                    f"{FORMAT} alone",
                    "Restore it with the version that made it",
                )
            yield archive, contents
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        raise UsageError(
            f"{path}: not a whole backup of this product: {error}", "Give a file of: regulars backup"
        ) from error


def is_expected(name: str) -> bool:
    """Whether a name is one that a backup may hold: a file of the lake, or one that lies beside it."""
    parts = PurePosixPath(name).parts
    if not name.startswith(LAKE):
        return name in BESIDE
    return "/".join(parts) == name and ".." not in parts and len(parts) > 1 and "\0" not in name


def is_wanted(name: str) -> bool:
    """Whether a file is put back: in the lake what the product writes. Backups of before hold what lay beside it."""
    parts = PurePosixPath(name).parts
    if not name.startswith(LAKE):
        return True
    return (len(parts) > 4 and "/".join(parts[4:]) in OF_A_LOAD) or (len(parts) == 4 and parts[3] == PRUNED)


def check_contents(source: Path, archive: tarfile.TarFile, contents: dict[str, Any]) -> dict[str, str]:
    """Name → checksum of what an archive holds. Reads no content, writes nothing.

    Raises:
        UsageError: it holds something that it does not name, names what it does not hold, or holds what is no file.
    """
    cure = "Nothing was changed; give a file of: regulars backup"
    named = contents.get("files")
    if not isinstance(named, dict) or not all(isinstance(value, str) for value in named.values()):
        raise UsageError(f"{source}: {CONTENTS} does not say what is in it", cure)
    seen: set[str] = set()
    for member in archive:
        name = member.name
        if name == CONTENTS and not seen:
            continue
        if not member.isreg() or not is_expected(name):
            raise UsageError(f"{source}: {name!r} does not belong into a backup", cure)
        if name in seen or name not in named:
            raise UsageError(f"{source}: {name!r} is not in its list of contents, or twice in the archive", cure)
        seen.add(name)
    if missing := sorted(named.keys() - seen):
        raise UsageError(f"{source}: {missing[0]!r} of its list of contents is not in it", cure)
    if STATE not in seen or not any(name.startswith(LAKE) for name in seen):
        raise UsageError(f"{source}: holds no {'state' if STATE not in seen else 'lake'}", cure)
    return named


def unpack(source: Path, archive: tarfile.TarFile, named: dict[str, str], folder: Path) -> None:
    """Write the files of an archive below a folder, and compare each with its checksum.

    Raises:
        UsageError: a file is damaged.
    """
    for member in archive:
        if member.name not in named or not is_wanted(member.name):
            continue
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None
        digest = hashlib.sha256()
        path.touch(mode=0o600, exist_ok=False)
        with path.open("wb") as target:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() != named[member.name]:
            raise UsageError(f"{source}: {member.name} is damaged", "Nothing was changed; restore another backup")
        os.utime(path, (member.mtime, member.mtime))


def restore(config: CompanyConfig, source: Path, replace: bool) -> dict[str, Any]:
    """Put a backup in the place of the company's lake, state and key; call with the company's lock.

    It is unpacked and checked beside them first, so that a damaged archive changes nothing; then they change places in
    one step, which the next command ends should this one be killed. Persons who were forgotten here or there, before or
    after it was made, are taken out of it.

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
    try:
        with opened(source) as (archive, contents):
            if contents.get("company") != config.company.name:
                raise UsageError(
                    f"{source}: a backup of company '{contents.get('company')}', not of '{config.company.name}'",
                    f"Add: --company {contents.get('company')}",
                )
            named = check_contents(source, archive, contents)
            make_ready(config, source, archive, named)
        swap.begin(paths.root, away=[*LOGS, *MADE])
        swap.end(paths.root)
    except OSError as error:
        raise refused_by_system(error, paths.root) from error
    finally:
        if not (paths.root / swap.JOURNAL).exists():
            shutil.rmtree(paths.root / swap.FOLDER, ignore_errors=True)
    return contents


def make_ready(config: CompanyConfig, source: Path, archive: tarfile.TarFile, named: dict[str, str]) -> None:
    """Unpack an archive beside what is there, without the forgotten, as what is to take its place.

    Raises:
        UsageError: a file, a load or the state is damaged.
    """
    root = config.paths.root
    fresh = swap.incoming(root)
    shutil.rmtree(root / swap.FOLDER, ignore_errors=True)
    fresh.mkdir(parents=True)
    unpack(source, archive, named, fresh)
    lake, suppression = Lake(fresh / LAKE), Suppression(fresh)
    try:
        if not lake.manifests():
            raise RegularsError("its lake holds no load")
        if not (fresh / STATE).stat().st_size:
            raise RegularsError(f"{STATE} is empty")
        with State(fresh / STATE) as state:
            check_loads(lake, state)
        secret_in(fresh / KEY)
        suppression.entries()
    except RegularsError as error:
        raise UsageError(
            f"{source}: {error.message}".replace(str(fresh), ""), "Nothing was changed; restore another backup"
        ) from error
    if Suppression(root):
        suppression.merge(Suppression(root))
    scrub_lake(config, lake, suppression)
    with State(fresh / STATE) as state:
        state.set_fact(INPUTS, "")  # what is published was not made from it
        if suppression:
            state.forget_messages()  # they may quote a value; who was forgotten cannot be told from a seal
