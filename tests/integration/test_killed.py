"""A refresh may be killed anywhere; the next one works and ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from orchestration.platform.paths import PROJECT
from orchestration.platform.state import State
from tests.integration.conftest import Copier
from tests.support.equality import contents, difference
from tests.support.shared import built_once
from tests.support.shop import Shop

pytestmark = pytest.mark.slow

SEED = 20260131
STARTED, ENDED = "running", "succeeded"
# stage, the state of it that is waited for, and the most seconds after that at which the kill comes
POINTS = {
    "load": ("load", STARTED, 0.2),
    "conform": ("conform", STARTED, 0.6),
    "between": ("identity", ENDED, 0.0),
    "dbt": ("dbt", STARTED, 4.0),
    "publish": ("publish", STARTED, 0.05),
}
TIMEOUT = 300


def change(shop: Shop) -> None:
    """New data: other totals for some orders, and new orders."""
    shop.put(
        "orders",
        "select * replace (total + 1 as total) from {table} union all "
        "select 'N' || order_no, customer, placed_at + interval 30 day, state, total from {table}",
    )
    shop.put(
        "lines", "select * from {table} union all select 'N' || order_no, line_no, sku, pieces, gross, net from {table}"
    )


def stage_states(shop: Shop) -> dict[str, str]:
    """Stage → state of the newest run."""
    with contextlib.suppress(sqlite3.Error), State(shop.state / "state.sqlite", read_only=True) as state:
        found = state.rows("select stage, status from stage where run_id = (select max(run_id) from run)")
        return {row["stage"]: row["status"] for row in found}
    return {}


def orders_seen(shop: Shop) -> int:
    """What a reader that comes now sees."""
    with duckdb.connect(str(shop.published), read_only=True) as con:
        found = con.execute("select count(*) from core.fct_order").fetchone()
    assert found is not None
    return int(found[0])


def run_and_kill(shop: Shop, point: str) -> set[int]:
    """Start a refresh and kill it at the point; returns what readers saw meanwhile."""
    stage, state, most = POINTS[point]
    delay = random.Random(f"{SEED} {point}").uniform(0, most)
    before = stage_states(shop)
    assert before
    process = shop.start("refresh")
    seen, look, deadline = {orders_seen(shop)}, 0.0, time.monotonic() + TIMEOUT
    known = newest_run(shop)
    while newest_run(shop) == known or stage_states(shop).get(stage) != state:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        if point != "publish" and time.monotonic() > look:  # publishing is over in a moment: look for nothing else
            seen.add(orders_seen(shop))
            look = time.monotonic() + 0.25
    until = time.monotonic() + delay
    while time.monotonic() < until:
        seen.add(orders_seen(shop))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return seen


def newest_run(shop: Shop) -> str:
    with contextlib.suppress(sqlite3.Error), State(shop.state / "state.sqlite", read_only=True) as state:
        return str(state.rows("select max(run_id) as newest from run")[0]["newest"])
    return ""


@pytest.fixture(scope="module")
def undisturbed(refreshed: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same company and change, refreshed without a kill."""

    def build(root: Path) -> None:
        shutil.copytree(refreshed.root, root, symlinks=True, dirs_exist_ok=True)
        shop = Shop(root)
        shop.configure()
        change(shop)
        done = shop.regulars("refresh")
        assert done.returncode == 0, done.stdout + done.stderr

    return Shop(built_once(tmp_path_factory, "undisturbed", build))


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_refresh_ends_equal(copy: Copier, undisturbed: Shop, point: str) -> None:
    shop = copy()
    change(shop)
    seen = run_and_kill(shop, point)
    assert seen == {400}  # readers saw the old version, whole, throughout
    assert orders_seen(shop) == 400 or point == "publish"
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    with State(shop.state / "state.sqlite", read_only=True) as state:
        assert [row["status"] for row in state.rows("select status from run order by run_id")][1:] == [
            "killed",
            "succeeded",
        ]
    assert orders_seen(shop) == 800
    assert (
        difference(contents(shop.published, ("core", "marts")), contents(undisturbed.published, ("core", "marts")))
        is None
    )
    schemas = ("input", "quarantine", "audit")
    left = contents(shop.state / "warehouse.duckdb", schemas)
    right = contents(undisturbed.state / "warehouse.duckdb", schemas)
    for books in (left, right):
        books.pop("audit.refresh_settings")
    assert difference(left, right) is None
    assert "Nothing new" in shop.regulars("refresh").stdout


def test_ctrl_c_stops_with_a_word_and_the_journal_says_so(copy: Copier) -> None:
    shop = copy()
    change(shop)
    known = newest_run(shop)
    process = shop.start("refresh")
    deadline = time.monotonic() + TIMEOUT
    while newest_run(shop) == known or stage_states(shop).get("dbt") != STARTED:
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    output = process.communicate()[0]
    assert process.returncode == 130, output
    assert "stopped by Ctrl-C. Run it again" in output
    assert "Traceback" not in output
    assert orders_seen(shop) == 400
    with State(shop.state / "state.sqlite", read_only=True) as state:
        last = state.last_run()
    assert last is not None
    assert last.status == "failed"


def test_two_refreshes_at_once(copy: Copier) -> None:
    shop = copy()
    change(shop)
    known = newest_run(shop)
    first = shop.start("refresh")
    deadline = time.monotonic() + TIMEOUT
    while newest_run(shop) == known:
        assert first.poll() is None
        assert time.monotonic() < deadline
    second = shop.regulars("refresh")
    assert second.returncode == 1
    assert f"held by process {first.pid} (" in second.stderr
    assert "refresh" in second.stderr
    output = first.communicate()[0]
    assert first.returncode == 0, output


def test_ctrl_c_of_a_terminal_ends_in_one_line_whatever_works(copy: Copier) -> None:
    """A terminal sends Ctrl-C to every process of the command; none of them may answer with a traceback."""
    shop = copy()
    # A shell's background jobs ignore Ctrl-C, and their children would, too.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    started = [sys.executable, "-c", heard + "from orchestration.cli.__main__ import main; main()"]
    process = subprocess.Popen([*started, "refresh", "--full"], env=shop.environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=PROJECT)  # fmt: skip
    known, deadline = newest_run(shop), time.monotonic() + TIMEOUT
    while newest_run(shop) == known or stage_states(shop).get("dbt") != STARTED:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "Error: stopped by Ctrl-C. Run it again to go on from what was committed"
    with State(shop.state / "state.sqlite", read_only=True) as state:
        [run] = state.rows("select status, error from run order by started_at desc limit 1")
    assert run == {"status": "failed", "error": "stopped by Ctrl-C"}
