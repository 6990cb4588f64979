"""Run a Dagster job in this process, inside a session that the caller has opened."""

from __future__ import annotations

import os

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.errors import DagsterExecutionInterruptedError

from orchestration.definitions import defs
from orchestration.defs.resources import PID_TAG
from orchestration.errors import RegularsError, Stopped
from orchestration.refresh import Session

UNFINISHED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.CANCELING]


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has the id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def fail_orphans(instance: DagsterInstance) -> int:
    """Mark unfinished Dagster runs whose process is gone as failed; call with the lock held."""
    failed = 0
    for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)):
        pid = run.tags.get(PID_TAG, "")
        if pid.isdigit() and not is_alive(int(pid)):
            instance.report_run_failed(run, "The process ended without a word.")
            failed += 1
    return failed


def run_job(name: str, session: Session) -> None:
    """Execute a job of the company's definitions.

    Raises:
        RegularsError: the first error of a step, as the step raised it.
        Stopped: the user pressed Ctrl-C.
    """
    with DagsterInstance.get() as instance:
        fail_orphans(instance)
        job = defs().resolve_job_def(name)
        try:
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags={PID_TAG: str(os.getpid()), "regulars/run_id": session.run_id},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            raise Stopped from None
        if session.errors:
            if isinstance(session.errors[0], KeyboardInterrupt | DagsterExecutionInterruptedError):
                raise Stopped
            raise session.errors[0]
        if not result.success:
            failed = next((e for e in result.all_events if e.is_failure), None)
            reason = failed.message if failed else "no reason given"
            raise RegularsError(f"Dagster job {name} failed: {reason}", "See the run in: regulars ui")
