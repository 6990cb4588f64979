"""Dagster's event log with its files held open: readable by others at once, and after a kill."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from orchestration.instance.event_log import MOST_HELD, HeldEventLogStorage
from orchestration.platform.paths import PROJECT

KEY = dg.AssetKey(["a", "table"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the project's settings."""
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, HeldEventLogStorage)
        yield instance


def by_dagster(home: Path) -> SqliteEventLogStorage:
    """Dagster's own storage over the same files, as another process with its defaults reads them."""
    return SqliteEventLogStorage(str(home / "history" / "runs"))


def test_events_are_there_for_others_while_the_run_goes_on(home: Path, instance: dg.DagsterInstance) -> None:
    seen: list[str] = []

    @dg.op
    def says(context: dg.OpExecutionContext) -> None:
        context.log_event(dg.AssetMaterialization(KEY, metadata={"rows": 7}))
        events = by_dagster(home).get_logs_for_run(context.run_id)
        seen.extend(event.dagster_event_type.value for event in events if event.dagster_event_type)

    @dg.job
    def work() -> None:
        says()

    done = work.execute_in_process(instance=instance)
    assert seen[-1] == "ASSET_MATERIALIZATION"
    assert "STEP_START" in seen
    newest = instance.get_latest_materialization_event(KEY)
    assert newest is not None
    assert newest.run_id == done.run_id
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["rows"].value == 7
    assert [e.message for e in by_dagster(home).get_logs_for_run(done.run_id)] == [
        e.message for e in instance.all_logs(done.run_id)
    ]


def test_whoever_watches_a_run_is_told_of_each_event(instance: dg.DagsterInstance) -> None:
    told: list[str] = []
    ended = threading.Event()

    def hear(event: dg.EventLogEntry, _cursor: str) -> None:
        told.append(str(event.dagster_event_type))
        if event.is_dagster_event and event.dagster_event is not None and event.dagster_event.is_job_success:
            ended.set()

    @dg.op
    def says() -> None:
        pass

    @dg.job(executor_def=dg.in_process_executor)
    def work() -> None:
        says()

    run = instance.create_run_for_job(work)
    instance.watch_event_logs(run.run_id, None, hear)
    execute_run(InMemoryJob(work), run, instance)
    assert ended.wait(20), told
    assert "DagsterEventType.STEP_START" in told


def test_many_runs_hold_few_files(instance: dg.DagsterInstance) -> None:
    @dg.job
    def empty() -> None:
        pass

    runs = [empty.execute_in_process(instance=instance).run_id for _ in range(MOST_HELD + 3)]
    storage = instance.event_log_storage
    assert isinstance(storage, HeldEventLogStorage)
    assert len(storage._held) == MOST_HELD
    assert all(instance.all_logs(run) for run in runs)
    instance.delete_run(runs[0])
    assert instance.all_logs(runs[0]) == []
    storage.dispose()
    assert not storage._held
    assert instance.all_logs(runs[1])


def test_what_was_written_outlives_a_kill(home: Path) -> None:
    script = f"""
import os, signal, dagster as dg
@dg.op
def says(context):
    for number in range(200):
        context.log_event(dg.AssetMaterialization({KEY.path!r}, metadata={{"number": number}}))
    os.kill(os.getpid(), signal.SIGKILL)
@dg.job
def work():
    says()
work.execute_in_process(instance=dg.DagsterInstance.get())
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=dict(os.environ), check=False)
    assert ended.returncode == -9
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        numbers = [
            event.asset_materialization.metadata["number"].value
            for event in instance.all_logs(run.run_id)
            if event.asset_materialization
        ]
        assert numbers == list(range(200))
        newest = instance.get_latest_materialization_event(KEY)
        assert newest is not None
        assert newest.asset_materialization is not None
        assert newest.asset_materialization.metadata["number"].value == 199
