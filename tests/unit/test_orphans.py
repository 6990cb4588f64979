"""Dagster's runs of dead processes are ended, whoever started them and whatever has their process id now."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import WorkerStatus

from orchestration.instance import orphans
from orchestration.instance.orphans import MARK_TAG, PID_TAG, fail_orphans, is_alive, mark_of, own_tags
from orchestration.platform.paths import PROJECT


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """Dagster's instance with the project's settings."""
    (tmp_path / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as found:
        yield found


def dead() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def run(instance: DagsterInstance, status: DagsterRunStatus, tags: dict[str, str]) -> str:
    """Add a run; returns its id."""
    made = DagsterRun(job_name="refresh", run_id=str(uuid.uuid4()), status=status, tags=tags)
    return instance.add_run(made).run_id


def status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found
    return found.status


def test_an_id_that_another_process_has_now_is_not_alive() -> None:
    own = os.getpid()
    assert is_alive(own, mark_of(own))
    assert not is_alive(own, "another boot:1")
    assert not is_alive(own, None)  # of a version that gave no marks
    gone = dead()
    assert not is_alive(gone, mark_of(own))


@pytest.mark.parametrize("state", orphans.UNFINISHED)
def test_a_run_whose_process_is_gone_is_ended(instance: DagsterInstance, state: DagsterRunStatus) -> None:
    gone = run(instance, state, {PID_TAG: str(dead()), MARK_TAG: "boot:1"})
    reused = run(instance, state, own_tags() | {MARK_TAG: "boot:1"})
    working, asking = run(instance, state, own_tags()), run(instance, state, {})
    assert fail_orphans(instance, own=asking) == 2
    assert [status(instance, one) for one in (gone, reused)] == [DagsterRunStatus.FAILURE] * 2
    assert [status(instance, one) for one in (working, asking)] == [state] * 2


def test_a_run_that_never_said_its_process_is_ended_in_time(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = run(instance, DagsterRunStatus.STARTED, {})
    assert fail_orphans(instance) == 0
    later = time.time() + orphans.STARTING + 1
    monkeypatch.setattr("orchestration.instance.orphans.time.time", lambda: later)
    assert fail_orphans(instance) == 1
    assert status(instance, silent) == DagsterRunStatus.FAILURE


def test_the_daemon_is_told_that_the_process_of_a_run_is_gone(instance: DagsterInstance) -> None:
    launcher = instance.run_launcher
    assert launcher.supports_check_run_worker_health
    found = {}
    for name, tags in (("dead", {PID_TAG: str(dead())}), ("works", own_tags()), ("starts", {})):
        told = instance.get_run_by_id(run(instance, DagsterRunStatus.STARTED, tags))
        assert told
        found[name] = launcher.check_run_worker_health(told).status
    assert found == {"dead": WorkerStatus.FAILED, "works": WorkerStatus.RUNNING, "starts": WorkerStatus.RUNNING}
