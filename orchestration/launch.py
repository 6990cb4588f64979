"""Run a Dagster job in this process, inside a session that the caller has opened."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator

from dagster import DagsterEvent, DagsterInstance, RunsFilter
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.instance.ref import InstanceRef

from orchestration.definitions import defs
from orchestration.instance.orphans import fail_orphans, own_tags
from orchestration.platform.errors import INTERRUPTS, RegularsError, Stopped, is_interrupt
from orchestration.platform.state import read_only_uri, set_aside
from orchestration.run.refresh import Session

# What a step prints is not captured: Dagster would take the terminal away from the progress bar, and start processes
# that end a Ctrl-C with tracebacks of their own. The run's log in `var/<company>/logs` has every line.
UNCAPTURED = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


def open_instance() -> DagsterInstance:
    """The company's Dagster instance, for a run in this process."""
    return DagsterInstance.from_ref(InstanceRef.from_dir(os.environ["DAGSTER_HOME"], overrides=UNCAPTURED))


@contextlib.contextmanager
def heard_interrupts() -> Iterator[Callable[[], bool]]:
    """Hear every Ctrl-C of the block, also one whose exception was swallowed; yields whether there was one.

    Where the signal comes while a finalizer or a weak reference's callback runs, Python prints its exception and goes
    on. It writes each signal's number to a file descriptor as it arrives, whoever handles it: that is read.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    heard = False
    reader, writer = os.pipe2(os.O_NONBLOCK)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    tell = sys.unraisablehook

    def tell_others(ignored: sys.UnraisableHookArgs) -> None:
        if not is_interrupt(ignored.exc_value):
            tell(ignored)

    sys.unraisablehook = tell_others

    def was_heard() -> bool:
        nonlocal heard
        with contextlib.suppress(OSError):  # nothing came, or the block is over
            heard = heard or signal.SIGINT in os.read(reader, 4096)
        return heard

    try:
        yield was_heard
    finally:
        sys.unraisablehook = tell
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def set_damaged_aside(session: Session) -> list[str]:
    """Move databases of Dagster's that are damaged out of the way, so that it begins new ones; returns their names."""
    paths = session.config.paths
    moved = []
    for path in sorted(paths.dagster.rglob("*.db")):
        with contextlib.closing(sqlite3.connect(read_only_uri(path), uri=True)) as con:
            try:
                sound = con.execute("pragma quick_check(1)").fetchone() == ("ok",) and path.stat().st_size > 0
            except sqlite3.OperationalError as error:
                sound = "locked" in str(error)  # somebody reads it: it is one
            except sqlite3.DatabaseError:
                sound = False
        if not sound:
            set_aside(path, paths.aside, session.run_id)
            moved.append(str(path.relative_to(paths.dagster)))
    return moved


def prune_runs(instance: DagsterInstance, before: dt.datetime) -> int:
    """Delete Dagster's runs that were created before a moment, with their events; returns how many."""
    old = [run.run_id for run in instance.get_runs(RunsFilter(created_before=before))]
    for run_id in old:
        instance.delete_run(run_id)
    return len(old)


def kinds_of_failure(event: DagsterEvent) -> Iterator[str]:
    """Class names of a failed step's error and of what caused it; empty for other events."""
    error = event.step_failure_data.error if event.is_step_failure else None
    while error is not None:
        yield error.cls_name or ""
        error = error.cause or error.context


def run_job(name: str, session: Session) -> None:
    """Execute a job of the company's definitions.

    Raises:
        RegularsError: the first error of a step, as the step raised it.
        Stopped: the user pressed Ctrl-C.
    """
    # A Ctrl-C while Dagster's event storage closes is told once, by us, and not as SQLAlchemy's traceback.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    for name_of in set_damaged_aside(session):
        session.reporter.say("refresh", f"{name_of} of Dagster's history is damaged; it is set aside and begun again")
    with open_instance() as instance, heard_interrupts() as session.is_interrupted:
        fail_orphans(instance)
        prune_runs(instance, session.now - dt.timedelta(days=session.config.company.retention.dagster_days))
        job = defs().resolve_job_def(name)
        try:
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags=own_tags() | {"regulars/run_id": session.run_id},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            raise Stopped from None
        # A signal may come between two lines of a step, outside every stage of the session.
        if any(name in INTERRUPTS for event in result.all_events for name in kinds_of_failure(event)):
            raise Stopped
        if session.errors:
            if is_interrupt(session.errors[0]):
                raise Stopped
            raise session.errors[0]
        if not result.success:
            failed = next((e for e in result.all_events if e.is_failure), None)
            reason = failed.message if failed else "no reason given"
            raise RegularsError(f"Dagster job {name} failed: {reason}", "See the run in: regulars ui")
