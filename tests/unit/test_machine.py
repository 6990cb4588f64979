"""Locks, state, disk and permissions."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import duckdb
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.launch import is_interrupt
from orchestration.platform.errors import RegularsError
from orchestration.platform.lock import holder, is_free, refresh_lock
from orchestration.platform.state import State
from orchestration.run.refresh import open_session
from orchestration.warehouse import connections as warehouse
from tests.support.shop import Shop

NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)

HOLD = """
import sys, pathlib
from orchestration.platform.lock import refresh_lock
with refresh_lock(pathlib.Path(sys.argv[1]), "2025-01-01T00:00:00+00:00"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_caller_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "refresh.lock"
    assert is_free(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert not is_free(path)
        with (
            pytest.raises(RegularsError, match=f"held by process {process.pid} .*since 2025-01-01"),
            refresh_lock(path, ""),
        ):
            pass
        process.kill()
        process.wait()
        assert is_free(path)  # the system frees the lock of a dead process
        with refresh_lock(path, "later"):
            assert "later" in holder(path)


def test_reading_the_state_leaves_no_file_behind(tmp_path: Path) -> None:
    tmp_path = tmp_path / "a folder? with #odd% name"
    path = tmp_path / "state.sqlite"
    with State(path) as state:
        state.start_run("R1", "refresh", NOW)
        state.finish_run("R1", "succeeded", NOW, "V1", "2024-12-31", None)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    with State(path, read_only=True) as state:
        run = state.last_run()
    assert run is not None
    assert (run.status, run.version) == ("succeeded", "V1")
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_the_state_can_be_read_while_a_refresh_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with State(path) as writing:
        writing.start_run("R1", "refresh", NOW)
        with State(path, read_only=True) as reading:
            run = reading.last_run()
            assert run is not None
            assert run.status == "running"


def test_a_run_that_never_finished_is_marked_killed(tmp_path: Path) -> None:
    with State(tmp_path / "state.sqlite") as state:
        state.start_run("R1", "refresh", NOW)
        state.start_stage("R1", "load", NOW)
        assert state.mark_killed(NOW) == 1
        assert state.mark_killed(NOW) == 0
        assert state.rows("select status from stage") == [{"status": "killed"}]


def test_a_full_disk_is_refused_before_the_start(config: CompanyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 10**5))
    with pytest.raises(RegularsError, match=r"0\.0 GB free, 0\.0 GB needed\. Free disk space, set REGULARS_HOME"):
        warehouse.check_disk(config)


def test_no_write_permission_says_which_folder_and_what_to_do(
    config: CompanyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(RegularsError, match=r"home/shop: cannot be written: Permission denied.*REGULARS_HOME"):
        warehouse.check_disk(config)


def test_a_question_mark_in_the_path_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_HOME", str(shop.root / "why?"))
    with pytest.raises(RegularsError, match="question mark"):
        warehouse.check_disk(load_company("shop"))


def test_a_damaged_warehouse_says_how_to_rebuild(config: CompanyConfig) -> None:
    config.paths.root.mkdir(parents=True)
    config.paths.warehouse.write_bytes(b"not a database" * 1000)
    with pytest.raises(RegularsError, match=r"warehouse\.duckdb: cannot be opened.*refresh --full"):
        warehouse.open_warehouse(config)


def test_the_log_is_json_lines(tmp_path: Path) -> None:
    from orchestration.platform.report import Reporter

    heard = []
    reporter = Reporter(tmp_path / "logs" / "R1.jsonl", (lambda *event: heard.append(event),))
    reporter.say("load", "till.orders", rows=400)
    entry = json.loads((tmp_path / "logs" / "R1.jsonl").read_text())
    assert (entry["run_id"], entry["stage"], entry["rows"]) == ("R1", "load", 400)
    assert heard == [("load", "till.orders", {"rows": 400})]


def test_ctrl_c_in_the_first_line_of_a_stage_is_the_sessions_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    shop.write()
    monkeypatch.setenv("REGULARS_HOME", str(shop.home))
    monkeypatch.setenv("REGULARS_COMPANIES", str(shop.companies))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(State, "start_stage", interrupt)
    with open_session(load_company("shop"), "refresh") as session, pytest.raises(KeyboardInterrupt):
        session.load()
    assert isinstance(session.errors[0], KeyboardInterrupt)
    assert is_interrupt(session.errors[0])
    wrapped = RegularsError("cannot be landed")
    wrapped.__cause__ = duckdb.InterruptException("INTERRUPT Error: Interrupted!")
    assert is_interrupt(wrapped)
    assert not is_interrupt(RegularsError("a file is missing"))


def test_a_ctrl_c_that_a_library_swallowed_is_heard_all_the_same() -> None:
    from orchestration.launch import heard_interrupts

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    with contextlib.ExitStack() as undo, heard_interrupts() as was_heard:
        undo.callback(signal.signal, signal.SIGINT, before)
        assert not was_heard()
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        assert was_heard()
        assert was_heard()  # and is not forgotten
    with heard_interrupts() as again:
        assert not again()


class Finalized:
    """Is interrupted while it is taken away, where Python prints exceptions and goes on."""

    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_in_a_finalizer_prints_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    from orchestration.launch import heard_interrupts

    told: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, told.append
    try:
        with heard_interrupts():
            Finalized()
        assert told == []
        Finalized()
        assert len(told) == 1
    finally:
        sys.unraisablehook = before
    assert "Traceback" not in capsys.readouterr().err
