"""`state.sqlite`: run journal, source fingerprints and audits. Readable at any time, also during a refresh."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.platform.durable import move
from orchestration.platform.errors import RegularsError

INPUTS = "inputs_fingerprint"  # fact: what the published version was made from
DAMAGED = "damaged"  # fact: a database that the next refresh makes again
VERSION = 3  # raise when a table of audits changes: they are made again from the lake and the warehouse

SCHEMA = """
create table if not exists run (
  run_id text primary key, command text not null, pid integer not null, started_at text not null,
  finished_at text, status text not null, version text, as_of text, error text
);
create table if not exists stage (
  run_id text not null, stage text not null, started_at text not null, finished_at text,
  status text not null, detail text, primary key (run_id, stage)
);
create table if not exists source_table (
  system text not null, table_name text not null, fingerprint text not null, load_id text not null,
  primary key (system, table_name)
);
create table if not exists load_audit (
  source_system text not null, table_name text not null, load_id text not null, loaded_at text not null,
  rows_read integer not null, rows_landed integer not null, rows_rejected integer not null,
  bytes integer not null, seconds real not null, cursor_from text, cursor_to text, drift text,
  primary key (source_system, table_name, load_id)
);
create table if not exists conform_audit (
  source_system text not null, entity text not null, load_id text not null, candidates integer not null,
  accepted integer not null, unchanged integer not null, quarantined integer not null,
  filtered integer not null, flagged integer not null, primary key (source_system, entity, load_id)
);
create table if not exists quality_check (
  source_system text not null, entity text not null, column_name text, rule text not null, dimension text not null,
  observed real, low real, high real, stops integer not null, passed integer not null, day text not null,
  message text not null
);
create table if not exists model (
  model text primary key, version text, status text not null, message text not null, trained_as_of text,
  scores_as_of text
);
create table if not exists fact (name text primary key, value text);
"""


@dataclass(frozen=True)
class Run:
    """One line of the run journal."""

    run_id: str
    command: str
    pid: int
    started_at: str
    finished_at: str | None
    status: str
    version: str | None
    as_of: str | None
    error: str | None


def read_only_uri(path: Path) -> str:
    """URI that reads the database and leaves no file behind.

    A plain read-only connection to a WAL database creates `-wal` and `-shm` files. Where no log is
    pending, nobody is writing, and the file can be read as immutable.
    """
    wal = path.with_name(path.name + "-wal")
    pending = wal.exists() and wal.stat().st_size > 0
    return path.absolute().as_uri() + "?mode=ro" + ("" if pending else "&immutable=1")


class DamagedState(RegularsError):
    """The state database is not as it was written; the next refresh makes another from the lake."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(
            f"{path}: is damaged: {reason}",
            "Run: regulars refresh; it sets the file aside and makes another from the lake",
        )


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite says that a file is not as it was written."""
    text = str(error)
    return any(word in text for word in ("malformed", "not a database", "no such table", "no such column"))


def set_aside(path: Path, folder: Path, moment: str) -> None:
    """Move a damaged SQLite file and its logs into a folder, named by the moment."""
    for log in ("", "-wal", "-shm"):
        part = path.with_name(path.name + log)
        if part.exists():
            move(part, folder / f"{path.name}-{moment}{log}")


class State:
    """The state database of one company."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        try:
            if read_only:
                self.con = sqlite3.connect(read_only_uri(path), uri=True, check_same_thread=False)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.con = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
                self.con.execute("pragma journal_mode=wal")
                self.con.execute("pragma synchronous=normal")
                if self.con.execute("pragma user_version").fetchone()[0] != VERSION:
                    self.con.executescript("drop table if exists load_audit; drop table if exists conform_audit;")
                    self.con.execute(f"pragma user_version = {VERSION}")
                self.con.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise DamagedState(path, error) from error
            raise RegularsError(f"{path}: cannot be opened: {error}", "Check permissions and disk space") from error
        except OSError as error:
            raise RegularsError(f"{path}: cannot be opened: {error}", "Check permissions and disk space") from error
        self.con.row_factory = sqlite3.Row

    def check(self) -> None:
        """Read every page.

        Raises:
            DamagedState: one is not as it was written.
        """
        [problem] = self.rows("pragma quick_check(1)")
        if problem["quick_check"] != "ok":
            raise DamagedState(self.path, problem["quick_check"])

    def close(self) -> None:
        """Close; folds the write-ahead log in."""
        self.con.close()

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Query as dictionaries.

        Raises:
            DamagedState: the file is not as it was written.
        """
        try:
            return [dict(row) for row in self.con.execute(sql, values)]
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise DamagedState(self.path, error) from error
            raise

    # runs -----------------------------------------------------------------------------------------

    def start_run(self, run_id: str, command: str, started_at: dt.datetime) -> None:
        """Open a run in the journal."""
        self.con.execute(
            "insert into run (run_id, command, pid, started_at, status) values (?, ?, ?, ?, 'running')",
            (run_id, command, os.getpid(), started_at.isoformat()),
        )

    def finish_run(
        self,
        run_id: str,
        status: str,
        at: dt.datetime,
        version: str | None,
        as_of: str | None,
        error: str | None,
    ) -> None:
        """Close a run as 'succeeded' or 'failed'."""
        self.con.execute(
            "update run set finished_at = ?, status = ?, version = ?, as_of = ?, error = ? where run_id = ?",
            (at.isoformat(), status, version, as_of, error, run_id),
        )

    def mark_killed(self, at: dt.datetime) -> int:
        """Mark runs that never finished as killed. Call with the lock held; returns how many."""
        self.con.execute(
            "update stage set status = 'killed' where status = 'running'",
        )
        return self.con.execute(
            "update run set status = 'killed', finished_at = ?, error = 'the process ended without a word' "
            "where status = 'running'",
            (at.isoformat(),),
        ).rowcount

    def start_stage(self, run_id: str, stage: str, at: dt.datetime) -> None:
        """Open a stage of a run."""
        self.con.execute(
            "insert or replace into stage (run_id, stage, started_at, status) values (?, ?, ?, 'running')",
            (run_id, stage, at.isoformat()),
        )

    def finish_stage(self, run_id: str, stage: str, at: dt.datetime, status: str, detail: dict[str, Any]) -> None:
        """Close a stage of a run."""
        self.con.execute(
            "update stage set finished_at = ?, status = ?, detail = ? where run_id = ? and stage = ?",
            (at.isoformat(), status, json.dumps(detail), run_id, stage),
        )

    def last_run(self, status: str | None = None) -> Run | None:
        """The newest run of the journal, of one status if given; builds aside, as of a past day, do not count."""
        found = self.rows(
            "select * from run where (? is null or status = ?) and command not like 'refresh --as-of%' "
            "order by started_at desc limit 1",
            status,
            status,
        )
        return Run(**found[0]) if found else None

    def newest_run(self) -> str | None:
        """Id of the newest run; ids sort by time."""
        found = self.rows("select max(run_id) as run_id from run")
        return found[0]["run_id"] if found else None

    # sources --------------------------------------------------------------------------------------

    def fingerprints(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(system, table) → fingerprint of the source as last landed."""
        return {
            (row["system"], row["table_name"]): json.loads(row["fingerprint"])
            for row in self.rows("select * from source_table")
        }

    def set_fingerprint(self, system: str, table: str, fingerprint: dict[str, Any], load_id: str) -> None:
        """Remember what was landed."""
        self.con.execute(
            "insert or replace into source_table values (?, ?, ?, ?)",
            (system, table, json.dumps(fingerprint), load_id),
        )

    def known_loads(self) -> list[dict[str, Any]]:
        """System, table, id and landed rows of every load that was ever committed and not forgotten, oldest first."""
        return self.rows(
            "select source_system, table_name, load_id, rows_landed from load_audit order by load_id, 1, 2"
        )

    def forget_loads(self, loads: Iterable[tuple[str, str, str]]) -> None:
        """Take loads out of the books: they are gone for good, and it was said."""
        self.con.executemany(
            "delete from load_audit where source_system = ? and table_name = ? and load_id = ?", list(loads)
        )

    def forget_fingerprint(self, system: str, table: str) -> None:
        """Have a table read as if nothing of it had been landed."""
        self.con.execute("delete from source_table where system = ? and table_name = ?", (system, table))

    # audits ---------------------------------------------------------------------------------------

    def put_load_audit(self, rows: Iterable[dict[str, Any]]) -> None:
        """Replace load audits by their key."""
        self.con.executemany(
            "insert or replace into load_audit values (:source_system, :table_name, :load_id, :loaded_at, "
            ":rows_read, :rows_landed, :rows_rejected, :bytes, :seconds, :cursor_from, :cursor_to, :drift)",
            list(rows),
        )

    def set_conform_audit(self, rows: Iterable[dict[str, Any]]) -> None:
        """Make the audit equal to the warehouse's, which is written with the data."""
        self._replace(
            "conform_audit",
            "(:source_system, :entity, :load_id, :candidates, :accepted, :unchanged, :quarantined, :filtered, "
            ":flagged)",
            rows,
        )

    def set_quality(self, rows: Iterable[dict[str, Any]]) -> None:
        """Replace the results of the quality checks by the newest refresh's."""
        self._replace(
            "quality_check",
            "(:source_system, :entity, :column_name, :rule, :dimension, :observed, :low, :high, :stops, :passed, :day, "
            ":message)",
            rows,
        )

    def set_models(self, rows: Iterable[dict[str, Any]]) -> None:
        """Replace what is known of the models by the newest scoring's."""
        self._replace("model", "(:model, :version, :status, :message, :trained_as_of, :scores_as_of)", rows)

    def models(self) -> list[dict[str, Any]]:
        """Where each model stands; none before the first scoring."""
        if not self.rows("select 1 from sqlite_master where name = 'model'"):
            return []
        return self.rows("select * from model order by model")

    def _replace(self, table: str, marks: str, rows: Iterable[dict[str, Any]]) -> None:
        """Replace all rows of a table in one transaction."""
        self.con.execute("begin")
        self.con.execute(f"delete from {table}")
        self.con.executemany(f"insert into {table} values {marks}", list(rows))
        self.con.execute("commit")

    def quality(self) -> list[dict[str, Any]]:
        """Results of the newest refresh's quality checks, failures first; none before the first."""
        if not self.rows("select 1 from sqlite_master where name = 'quality_check'"):
            return []
        return self.rows("select * from quality_check order by passed, stops desc, source_system, entity, rule")

    def forget(self, names: Callable[[str], bool]) -> None:
        """Take what is said about runs away where it names a person, also from the file's free pages.

        Args:
            names: whether a text names the person.
        """
        self.con.create_function("names", 1, lambda said: said is not None and names(str(said)))
        for table, column in (("run", "error"), ("run", "command"), ("stage", "detail"), ("load_audit", "cursor_from"),
                              ("load_audit", "cursor_to"), ("load_audit", "drift"), ("model", "message")):  # fmt: skip
            blank = "''" if column in ("command", "message") else "null"
            self.con.execute(f"update {table} set {column} = {blank} where names({column})")
        self.con.execute("delete from quality_check where names(message) or names(column_name)")
        self.con.execute("vacuum")
        self.con.execute("pragma wal_checkpoint(truncate)")

    def forget_messages(self) -> None:
        """Take every message of runs and checks away, whatever it says."""
        self.con.execute("update run set error = null")
        self.con.execute("update stage set detail = null")
        self.con.execute("delete from quality_check")
        self.con.execute("vacuum")

    # facts ----------------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        """A remembered value, such as the fingerprint of the code that made the warehouse."""
        found = self.rows("select value from fact where name = ?", name)
        return found[0]["value"] if found else None

    def set_fact(self, name: str, value: str) -> None:
        """Remember a value."""
        self.con.execute("insert or replace into fact values (?, ?)", (name, value))
