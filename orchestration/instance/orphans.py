"""Dagster's runs whose process is gone: told apart from those that work, and ended.

A run says which process it is in by two tags. An id alone does not tell: containers give the same few again and again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

PID_TAG, MARK_TAG = "regulars/pid", "regulars/process"
STARTING = 180  # seconds until a run that was started has said its process, as in dagster.yaml
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING,
]  # fmt: skip
GONE = "The process ended without a word."


def own_tags() -> dict[str, str]:
    """Tags of a run that is in this process."""
    pid = os.getpid()
    mark = mark_of(pid)
    return {PID_TAG: str(pid)} | ({MARK_TAG: mark} if mark else {})


def mark_of(pid: int) -> str | None:
    """What no other process of this id has: the boot, and the tick of it at which it began. None where the system does
    not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return None


def is_alive(pid: int, mark: str | None) -> bool:
    """Whether the process that had an id, and the mark, still has it.

    Versions of before gave their runs no mark: theirs are over where marks are known.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return mark_of(pid) == mark


def is_dead(record: RunRecord) -> bool:
    """Whether nobody works on a run any more. One that was started a moment ago may not have said its process yet."""
    tags = record.dagster_run.tags
    if (pid := tags.get(PID_TAG, "")).isdigit():
        return not is_alive(int(pid), tags.get(MARK_TAG))
    began = record.start_time or record.create_timestamp.timestamp()
    return time.time() - began > STARTING


def fail_orphans(instance: DagsterInstance, own: str | None = None) -> int:
    """Mark unfinished runs whose process is gone as failed, whoever started them; call with the company's lock.

    Args:
        instance: Dagster's.
        own: the run that asks.
    """
    failed = 0
    for record in instance.get_run_records(RunsFilter(statuses=UNFINISHED)):
        if record.dagster_run.run_id != own and is_dead(record):
            instance.report_run_failed(record.dagster_run, GONE)
            failed += 1
    return failed
