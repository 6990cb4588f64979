"""Dagster's event log with its files held open.

Dagster's own storage opens a connection for each event, in the run's file and in the index, and closes it again, which
also folds SQLite's log back into the file. A refresh writes a thousand events, and a quarter of its time went there.
Files and tables are Dagster's; only how long a connection lives is not.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

MOST_HELD = 8  # files: the index, the run that is written, and some that somebody looks at
BUSY_SECONDS = 60


class Watchdog(SqliteEventLogStorageWatchdog):
    """Tells of new events of a run also while they are in SQLite's log only."""

    def __init__(
        self,
        storage: SqliteEventLogStorage,
        run_id: str,
        callback: Callable[[EventLogEntry, str], Any],
        cursor: str | None,
    ) -> None:
        super().__init__(storage, run_id, callback, cursor)
        self._patterns = [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:  # noqa: ARG002
        """Read what is new."""
        self._process_log()


class HeldEventLogStorage(SqliteEventLogStorage):
    """See the module. Threads take turns, as in Dagster's; a forked process opens connections of its own."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._held: OrderedDict[tuple[int, str], Connection] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing is set in dagster.yaml: the files lie where Dagster keeps them."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:  # noqa: ARG003
        """Made by Dagster from dagster.yaml in DAGSTER_HOME."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:
            with super()._connect(shard):
                pass
        with self._db_lock:
            connection = self._open(shard)
            with connection.begin():
                yield connection

    def _open(self, shard: str) -> Connection:
        """The connection to a file; the one that was not used for longest gives way."""
        key = (os.getpid(), shard)
        connection = self._held.pop(key, None)
        if connection is None or not Path(self.path_for_shard(shard)).exists():
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )
            connection = engine.connect()
            # A commit survives the end of the process; only a power cut may take the last ones.
            connection.exec_driver_sql("pragma synchronous = normal")
            connection.commit()
        self._held[key] = connection
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)[1].close()
        return connection

    def watch(self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], Any]) -> None:
        """Call back for each new event of a run."""
        observer: Any = self._obs
        if observer is None:
            observer = self._obs = Observer()  # type: ignore[assignment]
            observer.start()
        watchdog = Watchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (watchdog, observer.schedule(watchdog, self._base_dir, recursive=True))

    def dispose(self) -> None:
        """Close every file."""
        while self._held:
            self._held.popitem()[1].close()
        super().dispose()
