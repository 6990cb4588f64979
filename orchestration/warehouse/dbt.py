"""Run dbt in this process on a manifest that was parsed beforehand (docs/decisions/0002)."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestration.config.company import CompanyConfig
from orchestration.platform.errors import QualityStop, RegularsError
from orchestration.platform.paths import DBT_PROJECT, CompanyPaths
from orchestration.warehouse.connections import settings

TARGET = DBT_PROJECT / "target"
MANIFEST = TARGET / "manifest.json"
ARTEFACTS = "REGULARS_DBT_ARTEFACTS"  # environment: set, builds write dbt's run_results.json and manifest.json
FINGERPRINT = TARGET / "manifest.sha256"
PARSED = (".sql", ".yml", ".md", ".csv")

# The project is built in two parts: the scores stand between features and marts.
Part = Literal["warehouse", "marts"]
SELECT: dict[Part, str] = {"warehouse": "fqn:*", "marts": "fqn:regulars.marts"}
EXCLUDE: dict[Part, str] = {
    "warehouse": "resource_type:unit_test fqn:regulars.marts",
    "marts": "resource_type:unit_test",
}


@dataclass(frozen=True)
class NodeResult:
    """How one dbt node ended."""

    unique_id: str
    kind: str
    name: str
    status: str
    seconds: float
    failures: int | None
    message: str

    @property
    def ok(self) -> bool:
        """Whether it ran and is not an error."""
        return self.status in ("success", "pass", "warn")


@dataclass
class DbtResult:
    """What a dbt invocation did, node by node."""

    nodes: list[NodeResult] = field(default_factory=list)

    @property
    def failed(self) -> list[NodeResult]:
        """Nodes that ended in an error or a failed test."""
        return [node for node in self.nodes if node.status in ("error", "fail", "runtime error")]


class BuildError(RegularsError):
    """A model failed; `result` holds what ended before."""

    def __init__(self, message: str, cure: str, result: DbtResult) -> None:
        super().__init__(message, cure)
        self.result = result


class TestStop(QualityStop):
    """A data test with severity error failed; `result` holds what ended before."""

    __test__ = False  # not a test class of pytest's

    def __init__(self, message: str, cure: str, result: DbtResult) -> None:
        super().__init__(message, cure)
        self.result = result


def project_fingerprint() -> str:
    """Hash of every file that dbt parses."""
    digest = hashlib.sha256()
    for path in sorted(p for p in DBT_PROJECT.rglob("*") if p.suffix in PARSED):
        if "target" in path.relative_to(DBT_PROJECT).parts[:1] or "logs" in path.relative_to(DBT_PROJECT).parts[:1]:
            continue
        digest.update(str(path.relative_to(DBT_PROJECT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def target_lock() -> Iterator[None]:
    """One parse at a time; two companies may refresh side by side."""
    TARGET.mkdir(exist_ok=True)
    with (TARGET / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure_manifest() -> Path:
    """Parse the project if its files changed since the last parse; returns the manifest's path.

    Raises:
        RegularsError: the project does not parse; the message is dbt's.
    """
    fingerprint = project_fingerprint()
    with target_lock():
        if MANIFEST.exists() and FINGERPRINT.exists() and FINGERPRINT.read_text() == fingerprint:
            return MANIFEST
        result = invoke(["parse", "--target-path", str(TARGET), "--log-path", str(TARGET), "--no-partial-parse"])
        if not result.success:
            raise RegularsError(
                f"dbt_project does not parse: {result.exception}", "Mend it, then run: dbt parse"
            ) from result.exception
        FINGERPRINT.write_text(fingerprint)
    return MANIFEST


def invoke(arguments: Sequence[str], manifest: Any = None, callback: Callable[[Any], None] | None = None) -> Any:
    """Call dbt in this process, quietly; closes its database afterwards."""
    os.environ["DO_NOT_TRACK"] = "1"
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    fixed = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--log-level", "none"]
    runner = dbtRunner(manifest=manifest, callbacks=[callback] if callback else [])
    try:
        with stoppable(), command_line(arguments):
            return runner.invoke([*arguments, *fixed])
    finally:
        close_databases()
        reset_adapters()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def command_line(arguments: Sequence[str]) -> Iterator[None]:
    """What dbt takes for the words that it was called by. It writes them into its artefacts, where `forget` would leave
    the id that the user typed."""
    typed = sys.argv
    sys.argv = ["dbt", *arguments]
    try:
        yield
    finally:
        sys.argv = typed


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C end the block as KeyboardInterrupt: dbt takes it for errors of the models that ran."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if stopped:
            raise KeyboardInterrupt


def close_databases() -> None:
    """Make dbt-duckdb let go of its files: it keeps them open for the life of the process otherwise."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def load_manifest() -> Any:
    """The parsed project as dbt's own object, which spares the next parse."""
    from dbt.contracts.graph.manifest import Manifest

    return Manifest.from_msgpack((TARGET / "partial_parse.msgpack").read_bytes())


def environment(config: CompanyConfig, paths: CompanyPaths) -> dict[str, str]:
    """Environment variables that profiles.yml reads."""
    limits = settings(config)
    return {
        "REGULARS_WAREHOUSE": str(paths.warehouse),
        "REGULARS_SERVE": str(paths.serve),
        "REGULARS_TEMP": str(paths.temp),
        "REGULARS_MEMORY_LIMIT": limits["memory_limit"],
    }


def public_tables() -> frozenset[str]:
    """`schema.table` of every model that is published."""
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    return frozenset(
        f"{n['schema']}.{n['alias']}" for n in nodes if n["resource_type"] == "model" and n["database"] == "serve"
    )


def text_classes() -> dict[str, dict[str, str]]:
    """`schema.table` of every published model → its text columns → their personal-data class."""
    nodes = json.loads(MANIFEST.read_text(encoding="utf-8"))["nodes"].values()
    return {
        f"{n['schema']}.{n['alias']}": {
            name: column["config"]["meta"]["personal"]
            for name, column in n["columns"].items()
            if column["data_type"] == "varchar"
        }
        for n in nodes
        if n["resource_type"] == "model" and n["database"] == "serve"
    }


# Entities that no model reads, but identity does.
READ_BY_IDENTITY = frozenset({"manual_match"})


def unread_entities(config: CompanyConfig) -> list[str]:
    """Mapped entities that are stored, and that no table but their own staging reads yet."""
    manifest = json.loads(ensure_manifest().read_text(encoding="utf-8"))
    children, nodes = manifest["child_map"], manifest["nodes"]

    def is_read(node: str) -> bool:
        below = [name for name in children.get(node, []) if name in nodes and nodes[name]["resource_type"] == "model"]
        return any(nodes[name]["fqn"][1] != "staging" or is_read(name) for name in below)

    sources = {s["name"]: key for key, s in manifest["sources"].items() if s["source_name"] == "input"}
    mapped = {entity for source in config.sources.values() for entity in source.maps}
    return sorted(e for e in mapped - READ_BY_IDENTITY if e in sources and not is_read(sources[e]))


def build(
    config: CompanyConfig,
    done: Callable[[NodeResult], None],
    part: Part,
    select: Sequence[str] | None = None,
    full_refresh: bool = True,
    paths: CompanyPaths | None = None,
) -> DbtResult:
    """Build a part's seeds, models and their data tests; unit tests are for CI.

    Args:
        config: the company.
        done: called as each node ends.
        part: what comes before the scores, or what comes after.
        select: dbt selectors; default: the whole part.
        full_refresh: make incremental models anew instead of their changed months.
        paths: where the databases are; default: the company's.

    Raises:
        TestStop: a data test with severity error failed; nothing downstream of it was built.
        BuildError: a model failed; the message names it and the database's reason.
    """
    ensure_manifest()
    paths = paths or config.paths
    os.environ.update(environment(config, paths))
    result = DbtResult()

    def on_event(event: Any) -> None:
        if event.info.name not in (
            "LogModelResult",
            "LogTestResult",
            "LogSeedResult",
            "LogNodeResult",
            "NodeFinished",
        ):
            return
        if event.info.name == "NodeFinished":
            node = node_result(event)
            result.nodes.append(node)
            done(node)

    arguments = ["build", "--target-path", str(paths.dbt), "--log-path", str(config.paths.logs)]
    arguments += ["--select", *(select if select is not None else SELECT[part].split())]
    arguments += ["--exclude", *EXCLUDE[part].split()]
    if full_refresh:
        arguments.append("--full-refresh")
    if not os.environ.get(ARTEFACTS):
        arguments.append("--no-write-json")  # nothing reads them, and they take a second of a small refresh each
    outcome = invoke(arguments, load_manifest(), on_event)
    if result.failed:
        raise failure(result)
    if not outcome.success:
        raise RegularsError(f"dbt build failed: {outcome.exception}", "See logs/dbt.log") from outcome.exception
    return result


def node_result(event: Any) -> NodeResult:
    """A node's end from dbt's NodeFinished event."""
    info, run = event.data.node_info, event.data.run_result
    failures = run.num_failures if info.resource_type == "test" else None
    return NodeResult(
        unique_id=info.unique_id,
        kind=info.resource_type,
        name=info.node_name,
        status=run.status,
        seconds=round(run.execution_time, 3),
        failures=failures,
        message=" ".join(run.message.split()),
    )


def failure(result: DbtResult) -> RegularsError:
    """The error of an invocation: a broken model is an error, a failed data test a quality stop."""
    models = [node for node in result.failed if node.kind != "test"]
    if models:
        return BuildError(f"model {models[0].name} failed: {models[0].message}", "See logs/dbt.log", result)
    first = result.failed[0]
    return TestStop(
        f"{len(result.failed)} data test(s) failed, first {first.name}: {first.message}",
        "Nothing was published; mend the source or the map and refresh again",
        result,
    )


if __name__ == "__main__":
    ensure_manifest()
