"""What may have happened to a company's runtime state while nobody looked, and what must come of it.

Each harm is done to a company that was refreshed; then every reader speaks in plain words, and the refresh after it
either gives what it would have given (`SAME`) or stops by name (`STOPPED`), with readers on a version that is whole.
Damage that neither size nor time tells is found when the load is read, at the latest by `refresh --full` (`WHEN_READ`).
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig

SAME, STOPPED, WHEN_READ = "nothing differs", "stopped by name", "stopped by name when it was read"
PRECIOUS = "not the product's"  # a file's name and content that must be there afterwards


def loads(config: CompanyConfig, table: str = "orders") -> list[Path]:
    """Folders of a table's loads, oldest first."""
    return sorted(path for path in (config.paths.lake / "till" / table).iterdir() if path.is_dir())


def delete(path: Path) -> None:
    """Delete a file, a link or a folder."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def as_folder(path: Path) -> None:
    """Put a folder there."""
    delete(path)
    path.mkdir(parents=True)


def as_file(path: Path, content: bytes = b"x") -> None:
    """Put a file there."""
    delete(path)
    path.write_bytes(content)


def as_link(path: Path, target: Path) -> None:
    """Put a link there."""
    delete(path)
    path.symlink_to(target)


def by_sql(path: Path, *statements: str) -> None:
    """Change an SQLite file."""
    with closing(sqlite3.connect(path)) as con:
        for statement in statements:
            con.execute(statement)
        con.commit()


def flip(path: Path, keep_time: bool = False) -> None:
    """Change one bit in the middle of a file."""
    found, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def exchange(config: CompanyConfig) -> None:
    """Let two loads of as many rows change places."""
    one, other = (folder / "part-0.parquet" for folder in loads(config))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def say_rows(manifest: Path, rows: int) -> None:
    """Have a manifest say another number of rows."""
    manifest.write_text(re.sub(r'"rows_landed": \d+', f'"rows_landed": {rows}', manifest.read_text()))


def elsewhere(config: CompanyConfig) -> Path:
    """A folder beside the company's, with a file of somebody else."""
    folder = config.paths.root.parent.parent / "elsewhere"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / PRECIOUS).write_text(PRECIOUS)
    return folder


def move_out(config: CompanyConfig, path: Path) -> None:
    """Keep a folder elsewhere, with a link in its place."""
    target = elsewhere(config) / path.name
    shutil.move(path, target)
    path.symlink_to(target)


def old_books(config: CompanyConfig) -> None:
    """Have the state be of an older version, whose books had less columns, and lose a load."""
    by_sql(config.paths.state, "alter table load_audit drop column drift", "pragma user_version = 2")
    shutil.rmtree(loads(config)[0])


def in_lake_folder(config: CompanyConfig) -> None:
    """Put a folder of somebody else among the loads of a table."""
    folder = loads(config)[0].with_name("kept by hand")
    folder.mkdir()
    (folder / PRECIOUS).write_text(PRECIOUS)


def another_database(path: Path) -> None:
    """Put a sound database of something else there."""
    delete(path)
    with duckdb.connect(str(path)) as con:
        con.execute("create table something as select 1 as other")


Harm = Callable[[CompanyConfig], object]
STRANGE: dict[str, tuple[Harm, str]] = {
    # The lake.
    "lake gone": (lambda c: shutil.rmtree(c.paths.lake), STOPPED),
    "lake a file": (lambda c: as_file(c.paths.lake), STOPPED),
    "lake a link": (lambda c: move_out(c, c.paths.lake), SAME),
    "lake a link to nothing": (lambda c: as_link(c.paths.lake, Path("/nowhere/lake")), STOPPED),
    "a system gone": (lambda c: shutil.rmtree(c.paths.lake / "till"), STOPPED),
    "a table gone": (lambda c: shutil.rmtree(c.paths.lake / "till" / "orders"), STOPPED),
    "a load renamed": (lambda c: loads(c)[0].rename(loads(c)[0].with_name("20200101T000000000Z")), STOPPED),
    "a load copied": (lambda c: shutil.copytree(loads(c)[0], loads(c)[0].with_name("20200101T000000000Z")), STOPPED),
    "loads exchanged": (exchange, STOPPED),
    "one bit of a load": (lambda c: flip(loads(c)[-1] / "part-0.parquet"), STOPPED),
    "one bit, time kept": (lambda c: flip(loads(c)[-1] / "part-0.parquet", keep_time=True), WHEN_READ),
    "rows a folder": (lambda c: as_folder(loads(c)[-1] / "part-0.parquet"), STOPPED),
    "manifest a folder": (lambda c: as_folder(loads(c)[-1] / "_manifest.json"), STOPPED),
    "manifest no object": (lambda c: as_file(loads(c)[-1] / "_manifest.json", b"[]"), STOPPED),
    "manifest of fewer rows": (lambda c: say_rows(loads(c)[-1] / "_manifest.json", 0), STOPPED),
    "a second file in a load": (
        lambda c: shutil.copy(loads(c)[-1] / "part-0.parquet", loads(c)[-1] / "part-1.parquet"), SAME,
    ),
    "a file in the lake": (lambda c: as_file(c.paths.lake / "notes.txt"), SAME),
    "a file among the loads": (lambda c: as_file(loads(c)[0].with_name(".DS_Store")), SAME),
    "a folder among the loads": (in_lake_folder, SAME),
    "names of pruned loads": (lambda c: as_file(loads(c)[0].with_name("_pruned"), b"\xff\x00 .. /"), SAME),
    "names of pruned loads a folder": (lambda c: as_folder(loads(c)[0].with_name("_pruned")), SAME),
    # The state.
    "state gone": (lambda c: c.paths.state.unlink(), SAME),
    "state empty": (lambda c: as_file(c.paths.state, b""), SAME),
    "state and warehouse gone": (lambda c: (c.paths.state.unlink(), c.paths.warehouse.unlink()), SAME),
    "state gone, and a load": (lambda c: (c.paths.state.unlink(), shutil.rmtree(loads(c)[0])), STOPPED),
    "state older": (lambda c: by_sql(c.paths.state, "pragma user_version = 2"), SAME),
    "state older, and a load gone": (old_books, STOPPED),
    "state newer": (lambda c: by_sql(c.paths.state, "pragma user_version = 99"), STOPPED),
    "state a folder": (lambda c: as_folder(c.paths.state), STOPPED),
    "state a link to nothing": (lambda c: as_link(c.paths.state, Path("/nowhere/state")), STOPPED),
    "state of something else": (
        lambda c: (c.paths.state.unlink(), by_sql(c.paths.state, "create table run (a int)")), SAME,
    ),
    "state's log of noise": (lambda c: as_file(c.paths.root / "state.sqlite-wal", os.urandom(9000)), SAME),
    "fingerprints no JSON": (lambda c: by_sql(c.paths.state, "update source_table set fingerprint = '{'"), SAME),
    "fingerprints a list": (lambda c: by_sql(c.paths.state, "update source_table set fingerprint = '[1]'"), SAME),
    "rows no number": (lambda c: by_sql(c.paths.state, "update load_audit set rows_landed = 'many'"), SAME),
    "facts of nothing": (lambda c: by_sql(c.paths.state, "update fact set value = 'nonsense'"), SAME),
    # Databases that are made again.
    "warehouse a folder": (lambda c: as_folder(c.paths.warehouse), STOPPED),
    "warehouse text": (lambda c: as_file(c.paths.warehouse, b"hello" * 999), SAME),
    "warehouse of something else": (lambda c: another_database(c.paths.warehouse), SAME),
    "warehouse's log of noise": (lambda c: as_file(c.paths.root / "warehouse.duckdb.wal", os.urandom(9000)), SAME),
    "serve a folder": (lambda c: as_folder(c.paths.serve), STOPPED),
    "serve empty": (lambda c: as_file(c.paths.serve, b""), SAME),
    # What is published.
    "publication gone": (lambda c: shutil.rmtree(c.paths.published), SAME),
    "versions gone": (lambda c: shutil.rmtree(c.paths.versions), SAME),
    "current gone": (lambda c: c.paths.current.unlink(), SAME),
    "current a file": (lambda c: as_file(c.paths.current), SAME),
    "current a link to nothing": (lambda c: as_link(c.paths.current, Path("versions/none")), SAME),
    "current a link elsewhere": (lambda c: as_link(c.paths.current, elsewhere(c)), SAME),
    "database a link to nothing": (lambda c: as_link(c.paths.current_database, Path("/nowhere/db")), SAME),
    "seal of noise": (lambda c: as_file(c.paths.current.resolve() / "seal.json", b"{"), SAME),
    # What lies beside them.
    "key no text": (lambda c: as_file(c.paths.root / "pseudonym.key", b"\xff\xfe\x00"), STOPPED),
    "key a folder": (lambda c: as_folder(c.paths.root / "pseudonym.key"), STOPPED),
    "lock of noise": (lambda c: as_file(c.paths.lock, b"\xff\x00"), SAME),
    "lock a folder": (lambda c: as_folder(c.paths.lock), STOPPED),
    "scratch a file": (lambda c: as_file(c.paths.temp), STOPPED),
    "scratch a link": (lambda c: as_link(c.paths.temp, elsewhere(c)), SAME),
    "logs a file": (lambda c: as_file(c.paths.logs), STOPPED),
    "journal of a restore of noise": (lambda c: as_file(c.paths.root / "restore.json", b"{"), STOPPED),
    "journal of a restore of other files": (
        lambda c: as_file(c.paths.root / "restore.json", b'{"bring": ["../elsewhere"], "away": ["../elsewhere"]}'),
        STOPPED,
    ),
    "name of an archive elsewhere": (
        lambda c: as_file(c.paths.root / "backup.part", str(elsewhere(c) / PRECIOUS).encode()), SAME,
    ),
    "name of an archive a folder": (lambda c: as_folder(c.paths.root / "backup.part"), STOPPED),
    "list of the forgotten of noise": (lambda c: as_file(c.paths.root / "suppression.parquet"), STOPPED),
    "journal of an erasure of noise": (lambda c: as_file(c.paths.root / "erasure.pending"), STOPPED),
}  # fmt: skip


def is_kept(config: CompanyConfig) -> bool:
    """Whether what is somebody else's is still there, where there was something."""
    folders = (config.paths.root.parent.parent / "elsewhere", *config.paths.lake.glob("till/orders/kept by hand"))
    return all((folder / PRECIOUS).read_text() == PRECIOUS for folder in folders if folder.exists())
