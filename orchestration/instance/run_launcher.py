"""Dagster's own launcher, whose runs are looked after: the daemon ends those whose process is gone.

Without it a run that was killed stays "started" for ever where only the daemon works, and keeps the one place that
there is for runs (`concurrency` in dagster.yaml).
"""

from __future__ import annotations

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

from orchestration.instance.orphans import GONE, is_dead


class WatchedRunLauncher(DefaultRunLauncher):
    """See the module."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """The daemon asks after each run that is started."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run is there."""
        record = self._instance.get_run_record_by_id(run.run_id)
        if record is not None and is_dead(record):
            return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
