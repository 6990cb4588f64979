"""Problems of configuration, versions, disk, permissions and locks, each with its cure."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from orchestration.config.company import CompanyConfig, load_company
from orchestration.connectors.registry import KINDS, connect
from orchestration.landing.lake import Lake
from orchestration.landing.lost import look
from orchestration.platform.custody import open_to_others
from orchestration.platform.damage import damage_of
from orchestration.platform.errors import RegularsError
from orchestration.platform.lock import holder, is_free
from orchestration.platform.paths import DBT_PROJECT, CompanyPaths, home
from orchestration.platform.state import State
from orchestration.serving.publish import build_info, current_version
from orchestration.serving.seal import SEAL, broken

# Distributions whose versions must agree with each other (docs/decisions/0001).
EXPECTED = {
    "duckdb": "1.5.",
    "dbt-core": "1.11.",
    "dbt-duckdb": "1.11.",
    "dagster": "1.13.",
    "dagster-dbt": "0.29.",
    "great-expectations": "1.24.",
    "duckdb-engine": "0.",
    "sqlalchemy": "2.0.",
}
OLDEST_PYTHON = (3, 11)
SHOWN = 3  # files that are named one by one


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    state: str  # ok, problem or note
    message: str
    cure: str = ""

    def row(self) -> dict[str, str]:
        """For printing."""
        return {"state": self.state, "what": self.what, "message": self.message, "cure": self.cure}


def diagnose(company: str) -> list[Finding]:
    """Everything that can be looked at without writing; goes on after a problem."""
    findings = [*versions(), *folders()]
    try:
        config = load_company(company)
    except RegularsError as error:
        return [*findings, Finding("configuration", "problem", error.message, error.cure)]
    findings.append(
        Finding("configuration", "ok", f"{len(config.sources)} source(s), {len(config.contracts)} contracts")
    )
    for check in (drivers, sources, permissions, disk, lock, lake, databases, publication, last_run):
        try:
            findings += check(config)
        except RegularsError as error:
            findings.append(Finding(check.__name__, "problem", error.message, error.cure))
    return findings


def versions() -> Iterator[Finding]:
    """Python and the packages that pin each other."""
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "problem", sys.version.split()[0], "Install Python 3.11 or newer")
    for name, prefix in EXPECTED.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding("packages", "problem", f"{name} is not installed", "Run: make install")
            continue
        if not found.startswith(prefix):
            yield Finding("packages", "problem", f"{name} {found}, expected {prefix}x", "Run: make install")
    yield from clashes()
    yield Finding("python", "ok", f"{sys.version.split()[0]} in {sys.prefix}")


def clashes() -> Iterator[Finding]:
    """Packages that do not fit what another one asks for, among those that the product names."""
    for name in EXPECTED:
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for text in wanted:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                found = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                yield Finding(
                    "packages", "problem", f"{name} needs {requirement}, which is missing", "Run: make install"
                )
                continue
            if not requirement.specifier.contains(found, prereleases=True):
                message = f"{name} needs {requirement}, found {found}"
                yield Finding("packages", "problem", message, "Run: make install")


def drivers(config: CompanyConfig) -> Iterator[Finding]:
    """Drivers of the connector kinds that the company uses."""
    for system, source in config.sources.items():
        for name in KINDS[source.connector.kind].packages:
            try:
                importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                message = f"source {system} is of kind {source.connector.kind}, which needs {name}"
                yield Finding("driver", "problem", message, f"Install it: uv pip install {name}")


def permissions(config: CompanyConfig) -> Iterator[Finding]:
    """Whether the company's own files can be written, and are read by nobody else."""
    paths = config.paths
    for path in (paths.root, paths.warehouse, paths.serve, paths.state, paths.lake, paths.published):
        if path.exists() and not os.access(path, os.W_OK):
            yield Finding("permission", "problem", f"{path} is not writable", "Give this user write permission there")
    yield from readable_by_others(paths)


def readable_by_others(paths: CompanyPaths) -> Iterator[Finding]:
    """Files and folders of the runtime state that another account may read, write or enter."""
    found = open_to_others(paths)
    if len(found) > SHOWN:
        private = f"find {shlex.quote(str(paths.root))} -mindepth 1 -path {shlex.quote(str(paths.published))} -prune -o"
        cure = f"Run: {private} ! -type l -exec chmod go-rwx {{}} +"
        yield Finding("permission", "problem", f"{found[0]} and {len(found) - 1} more can be read by others", cure)
        return
    for path in found:
        mode = "700" if path.is_dir() else "400" if paths.published in path.parents else "600"
        yield Finding("permission", "problem", f"{path} can be read by others", f"Run: chmod {mode} {path}")


def folders() -> Iterator[Finding]:
    """The project's own folders."""
    if not (DBT_PROJECT / "dbt_project.yml").exists():
        yield Finding("project", "problem", f"{DBT_PROJECT} has no dbt project", "Run from the project's checkout")
    place = home()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Finding("state", "problem", f"{place} is not writable", "Set REGULARS_HOME to a writable folder")


def sources(config: CompanyConfig) -> Iterator[Finding]:
    """Whether every configured table is there."""
    for system, source in config.sources.items():
        connector = connect(source.as_system())
        for table in source.tables:
            connector.columns(table)
        yield Finding("source", "ok", f"{system}: {len(source.tables)} tables can be read")


def disk(config: CompanyConfig) -> Iterator[Finding]:
    """Free space against the head-room of company.yml."""
    place = config.paths.root
    while not place.exists():
        place = place.parent
    free, needed = shutil.disk_usage(place).free, config.company.resources.disk_headroom_bytes
    state = "ok" if free >= needed else "problem"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free at {place}, {needed / 1e9:.1f} GB wanted",
                  "" if state == "ok" else "Free space, or set REGULARS_HOME to another disk")  # fmt: skip


def lock(config: CompanyConfig) -> Iterator[Finding]:
    """Whether a refresh is running. The system frees the lock of a dead process: what is left is only its name."""
    path = config.paths.lock
    if not is_free(path):
        yield Finding("lock", "note", holder(path))
    elif path.exists() and path.stat().st_size:
        yield Finding("lock", "ok", f"free; last held by {holder(path)}")
    else:
        yield Finding("lock", "ok", "free")


def lake(config: CompanyConfig) -> Iterator[Finding]:
    """Whether every load that the books know is there as it was committed; reads every file."""
    if not config.paths.state.exists():
        return
    with State(config.paths.state, read_only=True) as state:
        state.check()
        found = look(Lake(config.paths.lake), state, deep=True)
    for lost in found.lost:
        cure = "Run: regulars refresh --full; it loads the table again, or says what a backup must bring back"
        yield Finding("lake", "problem", str(lost), cure)
    yield Finding("lake", "ok", f"{len(found.sound)} load(s) are as they were committed")


def databases(config: CompanyConfig) -> Iterator[Finding]:
    """Whether the databases that a refresh works on can be read, block by block."""
    for path in (config.paths.warehouse, config.paths.serve):
        if problem := damage_of(path, deep=is_free(config.paths.lock)):
            yield Finding("database", "problem", f"{path} {problem}", "Run: regulars refresh --full")


def publication(config: CompanyConfig) -> Iterator[Finding]:
    """Whether readers see a whole version."""
    version = current_version(config.paths)
    if version is None:
        yield Finding("publication", "note", "nothing is published yet", "Run: regulars refresh")
        return
    yield from changed_versions(config, version)
    _, built_at, as_of = build_info(config.paths.current_database)
    yield Finding("publication", "ok", f"{version}, built {built_at} UTC, as of {as_of}")


def changed_versions(config: CompanyConfig, current: str) -> Iterator[Finding]:
    """Versions that are no longer as they were published, and those that could be changed by accident."""
    for folder in sorted(config.paths.versions.glob("[!.]*")):
        seen = " and readers see it" if folder.name == current else ""
        if problem := broken(folder):
            cure = "Run: regulars publish; if that does not help: regulars refresh --full, or regulars rollback"
            if not seen:
                cure = f"Nobody can roll back to it; delete it: rm -r {folder}"
            yield Finding("publication", "problem", f"version {folder.name}: {problem}{seen}", cure)
        elif not (folder / SEAL).exists():
            yield Finding("publication", "note", f"version {folder.name} was published before files were sealed")
        elif writable := [path for path in sorted(folder.iterdir()) if path.stat().st_mode & 0o222]:
            yield Finding("publication", "problem", f"{writable[0]} is writable", f"Run: chmod a-w {writable[0]}")


def last_run(config: CompanyConfig) -> Iterator[Finding]:
    """How the last run ended."""
    if not config.paths.state.exists():
        return
    with State(config.paths.state, read_only=True) as state:
        run = state.last_run()
    if run is None:
        return
    if run.status in ("failed", "killed") or (run.status == "running" and is_free(config.paths.lock)):
        status = "killed" if run.status == "running" else run.status
        reason = run.error or "the process ended without a word"
        cure = "Mend the cause and run: regulars refresh"
        yield Finding("last run", "problem", f"{run.run_id} {status}: {reason}", cure)
    else:
        yield Finding("last run", "ok", f"{run.run_id} {run.status}")
