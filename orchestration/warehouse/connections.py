"""Open the company's DuckDB files, with its limits, and say clearly why that fails."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.platform.custody import in_charge
from orchestration.platform.damage import damage_of
from orchestration.platform.errors import WRONG_KIND, RegularsError, UsageError, refused_by_system


def settings(config: CompanyConfig) -> dict[str, str]:
    """DuckDB settings of a company's connections."""
    resources = config.company.resources
    found = {
        "temp_directory": str(config.paths.temp),
        "preserve_insertion_order": "false",
        "default_null_order": "nulls_first_on_asc_last_on_desc",
    }
    if not resources.memory_limit.endswith("%"):
        found["memory_limit"] = resources.memory_limit
    else:
        found["memory_limit"] = f"{int(memory_bytes() * float(resources.memory_limit[:-1]) / 100 / 1e6)}MB"
    if resources.threads:
        found["threads"] = str(resources.threads)
    return found


def memory_bytes() -> int:
    """Memory of the machine or its container, in bytes."""
    limits = []
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        path = Path(name)
        if path.exists() and path.read_text().strip().isdigit():
            limits.append(int(path.read_text().strip()))
    with duckdb.connect() as con:
        found = con.execute("select current_setting('memory_limit')").fetchone()
    text = str(found[0]) if found else "8 GiB"
    number, unit = text.split()
    scale = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[unit]
    # DuckDB's own default is 80 % of what it sees.
    return min([int(float(number) * scale / 0.8), *limits])


def open_warehouse(config: CompanyConfig) -> duckdb.DuckDBPyConnection:
    """Open `warehouse.duckdb` for writing. Close it before dbt opens it.

    Raises:
        RegularsError: the file cannot be opened; says why and what to do.
    """
    path = config.paths.warehouse
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect(str(path), config=dict(settings(config)))
        con.execute("set TimeZone = 'UTC'")
    except (duckdb.Error, OSError) as error:
        raise RegularsError(
            f"{path}: cannot be opened: {str(error).splitlines()[0]}",
            "Check permissions and disk space; if it is damaged, run: regulars refresh --full",
        ) from error
    return con


@contextlib.contextmanager
def locked_warehouse(config: CompanyConfig, command: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, with the company's lock: a refresh must not write it meanwhile.

    Args:
        config: the company.
        command: what the lock says it is held for; default: as the user typed it.

    Raises:
        UsageError: nothing was loaded yet, or no refresh came as far as the table that is asked for.
        RegularsError: a refresh is running.
    """
    if not config.paths.warehouse.exists():
        raise UsageError(f"nothing was loaded yet in {config.paths.root}", "Run: regulars refresh")
    with in_charge(config.paths, command), open_warehouse(config) as con:
        try:
            yield con
        except duckdb.CatalogException as error:
            if "does not exist" not in str(error):
                raise
            raise UsageError(
                f"{config.folder.name} is not built so far: no refresh came to its end", "Run: regulars refresh"
            ) from error


def remove_damaged(config: CompanyConfig, deep: bool = False) -> list[str]:
    """Delete databases that are damaged: they are made again from the lake. Returns what to say of them."""
    said = []
    for path in (config.paths.warehouse, config.paths.serve):
        if problem := damage_of(path, deep):
            said.append(f"{path.name} {problem}; it is made again from the lake")
    if said:  # one without the other would continue what is not there
        remove_database(config.paths.warehouse)
        remove_database(config.paths.serve)
    return said


def remove_database(path: Path) -> None:
    """Delete a DuckDB file and its write-ahead log."""
    for name in (path, path.with_name(path.name + ".wal")):
        name.unlink(missing_ok=True)


def check_disk(config: CompanyConfig) -> None:
    """Refuse to start where the disk is nearly full or not writable.

    Raises:
        RegularsError: names the folder, what is free and what is needed.
    """
    root = config.paths.root
    if "?" in str(root):
        raise RegularsError(
            f"{root}: holds a question mark, which DuckDB takes for the start of parameters",
            "Set REGULARS_HOME to a folder without one",
        )
    try:
        config.paths.make_root()
        config.paths.temp.mkdir(exist_ok=True)
        probe = root / ".write-test"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        if isinstance(error, WRONG_KIND):
            raise refused_by_system(error, root) from error
        raise RegularsError(
            f"{root}: cannot be written: {error.strerror}",
            "Give write permission, or set REGULARS_HOME to a folder that is writable",
        ) from error
    free = shutil.disk_usage(root).free
    serve = config.paths.serve.stat().st_size if config.paths.serve.exists() else 0
    needed = max(config.company.resources.disk_headroom_bytes, 2 * serve)
    if free < needed:
        raise RegularsError(
            f"{root}: {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed",
            "Free disk space, set REGULARS_HOME to another disk, or lower resources.disk_headroom in company.yml",
        )
