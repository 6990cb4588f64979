"""Publish `serve.duckdb` as a version: copy its rows, verify, then move the `current` link in one step.

Readers open `published/current/regulars.duckdb`. A version's file is never opened for writing again: it is read-only
and sealed (`orchestration.serving.seal`). Its folder has its own name, so a reader that holds the old one keeps it
whole.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.platform.damage import read_all
from orchestration.platform.durable import move, sync_file, sync_folder
from orchestration.platform.errors import RegularsError, UsageError, refused_by_system
from orchestration.platform.literals import quote
from orchestration.platform.paths import CompanyPaths
from orchestration.serving.seal import DATABASE, SEAL, broken, seal

CONTACTS = "contacts.duckdb"
CONTACTS_GRANT = "REGULARS_CONTACTS"  # `granted`: the dashboard may show clear contact data
OPEN_FOLDER = 0o755  # of what is published; the files in it are read-only, contacts are their owner's
STORAGE = "v1.4.0"  # oldest DuckDB that reads a published file
INCOMING = ".incoming-"  # a copy that is not verified yet; removed by the next publish


@dataclass(frozen=True)
class Version:
    """One published version."""

    name: str
    built_at: str
    as_of: str
    bytes: int
    is_current: bool


def current_version(paths: CompanyPaths) -> str | None:
    """Name of the version that readers see; None before the first publication."""
    try:
        return paths.current.readlink().name
    except OSError:
        return None


def versions(paths: CompanyPaths) -> list[Version]:
    """Published versions, newest first."""
    found = []
    current = current_version(paths)
    for folder in sorted(paths.versions.glob("[!.]*"), reverse=True):
        database = folder / DATABASE
        size = database.stat().st_size if database.exists() else 0
        try:
            built_at, as_of = build_info(database)[1:]
        except RegularsError:
            built_at, as_of = "damaged; see: regulars doctor", ""
        found.append(Version(folder.name, built_at, as_of, size, folder.name == current))
    return found


def build_info(database: Path) -> tuple[str, str, str]:
    """Version, time of build and as_of that a database says of itself.

    Raises:
        RegularsError: it cannot be read, or says nothing or several things.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as con:
            rows = con.execute("select version, built_at::varchar, as_of::varchar from marts.build_info").fetchall()
    except duckdb.Error as error:
        raise RegularsError(
            f"{database}: not a readable publication: {str(error).splitlines()[0]}",
            "Run: regulars refresh; if that does not help: regulars refresh --full",
        ) from error
    if len(rows) != 1:
        raise RegularsError(f"{database}: marts.build_info has {len(rows)} rows, not one", "Run: regulars refresh")
    return str(rows[0][0]), str(rows[0][1]), str(rows[0][2])


def table_counts(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    """Rows of every table of core and marts."""
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? "
        "and schema_name in ('core', 'marts') order by all",
        [catalog],
    ).fetchall()
    counts = {}
    for schema, table in tables:
        found = con.execute(f'select count(*) from "{catalog}"."{schema}"."{table}"').fetchone()
        counts[f"{schema}.{table}"] = int(found[0]) if found else 0
    return counts


def checkpoint(serve: Path) -> dict[str, int]:
    """Fold the log into the file, so that it can be copied; returns the rows of its tables."""
    if not serve.exists():
        raise RegularsError(f"{serve}: does not exist", "Run: regulars refresh")
    try:
        with duckdb.connect(str(serve)) as con:
            con.execute("checkpoint")
            return table_counts(con, serve.stem)
    except duckdb.Error as error:
        raise RegularsError(f"{serve}: {str(error).splitlines()[0]}", "Run: regulars refresh --full") from error


def copy_rows(config: CompanyConfig, database: Path) -> None:
    """Write what was built as a file of its own, row by row.

    A copy of the file's bytes would hold its free pages, too, and in them the texts from before they were masked, for
    whoever may read the published file.

    Raises:
        RegularsError: it cannot be read or written.
    """
    try:
        # In their order: readers skip what they need not read by it.
        with duckdb.connect(
            config={"temp_directory": str(config.paths.temp), "preserve_insertion_order": "true"}
        ) as con:
            con.execute(f"attach {quote(config.paths.serve)} as built (read_only)")
            con.execute(f"attach {quote(database)} as fresh (storage_version {quote(STORAGE)})")
            con.execute("copy from database built to fresh")
            con.execute("checkpoint fresh")
    except duckdb.Error as error:
        raise RegularsError(
            f"{database}: {str(error).splitlines()[0]}",
            "Check disk space and permission; if that does not help: regulars refresh --full",
        ) from error


def verify(database: Path, expected: dict[str, int], required: frozenset[str]) -> None:
    """Open a copy as a reader would, and compare it with what was built.

    Args:
        database: the copy.
        expected: rows of each table in `serve.duckdb`.
        required: `schema.table` of every public model.

    Raises:
        RegularsError: a table is missing or its rows differ.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as con:
            found = table_counts(con, database.stem)
            read_all(con, database.stem)
    except duckdb.Error as error:
        raise RegularsError(
            f"{database}: is damaged, and so is what it was copied from: {str(error).splitlines()[0]}",
            "Nothing was published. Run: regulars refresh --full",
        ) from error
    missing = sorted(required - set(found))
    if missing:
        raise RegularsError(f"{database}: lacks {', '.join(missing)}", "Run: regulars refresh --full")
    if found != expected:
        differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise RegularsError(f"{database}: copied with other row counts in {', '.join(differing)}", "Publish again")


def link(paths: CompanyPaths, version: str) -> None:
    """Move `current` to a version in one step, so that a reader sees the old or the new, never none."""
    temporary = paths.published / f".current-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("versions") / version, target_is_directory=True)
    temporary.replace(paths.current)
    sync_folder(paths.published)


def check_space(database: Path, folder: Path) -> None:
    """Refuse to copy a database where less than twice its size is free.

    Raises:
        RegularsError: names the folder, what is free and what is needed.
    """
    size, free = database.stat().st_size, shutil.disk_usage(folder).free
    if free < 2 * size:
        raise RegularsError(
            f"{folder}: {free / 1e9:.1f} GB free, {2 * size / 1e9:.1f} GB needed to publish",
            "Free disk space or lower publish.keep in company.yml, then run: regulars publish",
        )


def publish(
    config: CompanyConfig,
    required: frozenset[str],
    write_contacts: Callable[[CompanyConfig, Path], None] = lambda *_: None,
) -> str:
    """Publish what was built last; returns the version. Publishing it again only moves the link, and puts files in
    order that were changed since.

    Args:
        config: the company.
        required: `schema.table` of every public model.
        write_contacts: writes the clear contact data to the given file, where there is a warehouse.

    Raises:
        RegularsError: nothing was built, disk or permissions fail, or the copy does not verify;
            readers keep the version that they have.
    """
    paths = config.paths
    expected = checkpoint(paths.serve)
    version = build_info(paths.serve)[0]
    target = paths.versions / version
    try:
        make_folders(paths)
        for leftover in paths.versions.glob(INCOMING + "*"):
            shutil.rmtree(leftover)
        if not target.exists() or broken(target):
            incoming = paths.versions / (INCOMING + version)
            check_space(paths.serve, paths.versions)
            incoming.mkdir()
            copy_rows(config, incoming / DATABASE)
            sync_file(incoming / DATABASE)
            verify(incoming / DATABASE, expected, required)
            if paths.warehouse.exists():
                write_contacts(config, incoming / CONTACTS)
            seal(incoming, frozenset({CONTACTS}))
            incoming.chmod(OPEN_FOLDER)
            place(incoming, target)
        before = current_version(paths)
        link(paths, version)
    except OSError as error:
        raise refused_by_system(error, paths.published) from error
    prune(config, before)
    return version


def make_folders(paths: CompanyPaths) -> None:
    """Make the folders of the versions: every account may read them, unless the company closes one of them to others;
    a folder that is there keeps its mode."""
    paths.make_root()
    for folder in (paths.published, paths.versions):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(OPEN_FOLDER)


def place(incoming: Path, target: Path) -> None:
    """Give a sealed copy its name; over a version that was changed, file by file, so that readers always find one."""
    if not target.exists():
        move(incoming, target)
        return
    files = {path.name for path in incoming.iterdir()}
    for name in [*sorted(files - {SEAL}), SEAL]:  # the seal last: a kill leaves a version that counts as changed
        (incoming / name).replace(target / name)
    for path in target.iterdir():
        if path.name not in files:
            path.unlink()
    incoming.rmdir()


def prune(config: CompanyConfig, before: str | None = None) -> None:
    """Delete versions beyond `publish.keep`, oldest first; never the current one, nor the one that readers saw until
    now: who has begun to read it may end.

    Args:
        config: the company.
        before: the version that was current before this publication.
    """
    folders = sorted(config.paths.versions.glob("[!.]*"), reverse=True)
    current = current_version(config.paths)
    for folder in folders[config.company.publish.keep :]:
        if folder.name not in (current, before):
            shutil.rmtree(folder)


def drop_others(paths: CompanyPaths) -> None:
    """Delete every version but the current one."""
    current = current_version(paths)
    for folder in paths.versions.glob("*"):
        if folder.name != current:
            shutil.rmtree(folder)


def rollback(paths: CompanyPaths, version: str | None) -> str:
    """Move `current` to an older version (default: the one before); returns its name.

    Raises:
        UsageError: there is no such version.
        RegularsError: it was changed since it was published.
    """
    names = [folder.name for folder in sorted(paths.versions.glob("[!.]*"), reverse=True)]
    current = current_version(paths)
    if version is None:
        older = [name for name in names if current is not None and name < current]
        if not older:
            raise UsageError("there is no older version to roll back to", "See: regulars versions")
        version = older[0]
    if version not in names:
        raise UsageError(f"no version '{version}'", f"Kept versions: {', '.join(names) or 'none'}")
    if problem := broken(paths.versions / version):
        raise RegularsError(
            f"version {version} is not as it was published: {problem}", "Roll back to another: regulars versions"
        )
    build_info(paths.versions / version / DATABASE)
    link(paths, version)
    return version


def current_file(paths: CompanyPaths) -> Path:
    """The file behind `current`, with the link resolved: a reader's view stays on it.

    Raises:
        UsageError: nothing is published yet.
    """
    if not paths.current_database.exists():
        raise UsageError(f"nothing is published in {paths.published}", "Run: regulars refresh")
    return paths.current_database.resolve()


def past_file(paths: CompanyPaths, as_of: dt.date) -> Path:
    """The database that was built as of a past day.

    Raises:
        UsageError: none was.
    """
    database = paths.as_of(as_of).root / DATABASE
    if not database.exists():
        raise UsageError(f"nothing was built as of {as_of}", f"Run: regulars refresh --as-of {as_of}")
    return database


def read_published(database: Path) -> duckdb.DuckDBPyConnection:
    """Open a published file read-only, with no way to other files; tables of marts and core need no schema."""
    try:
        con = duckdb.connect(str(database), read_only=True, config={"enable_external_access": "false"})
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"set search_path = {quote('marts,core')}")
        con.execute("set lock_configuration = true")
    except duckdb.Error as error:
        raise RegularsError(f"{database}: {str(error).splitlines()[0]}", "Run: regulars versions") from error
    return con


def contacts_file(paths: CompanyPaths) -> Path:
    """The contact data of the version that readers see, with the link resolved.

    Raises:
        UsageError: nothing is published, or that version has none.
    """
    return contacts_beside(paths.current_database.resolve())


def contacts_beside(database: Path) -> Path:
    """The contact data of a version.

    Raises:
        UsageError: it has none.
    """
    path = database.with_name(CONTACTS)
    if not path.exists():
        raise UsageError(f"{path}: there is none", "Run: regulars refresh")
    return path


def read_contacts(path: Path) -> duckdb.DuckDBPyConnection:
    """Open contact data read-only, with no way to other files.

    Raises:
        RegularsError: it cannot be read, for instance because it is another user's.
    """
    try:
        con = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
        con.execute("set TimeZone = 'UTC'")
        con.execute("set lock_configuration = true")
    except duckdb.Error as error:
        raise RegularsError(
            f"{path}: {str(error).splitlines()[0]}", "Only the user who runs the refresh may read it"
        ) from error
    return con
