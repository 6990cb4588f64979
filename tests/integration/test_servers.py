"""The servers that `regulars ui` and `regulars dashboard` start: this machine only, and ended by Ctrl-C in peace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docs.screenshots import free_port
from tests.support.shop import Shop, command

pytestmark = pytest.mark.slow


def answer(address: str, path: str = "/", data: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of a request."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(address + path, data, given)
    try:
        with urllib.request.urlopen(asked, timeout=30) as found:
            return found.status, found.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


@contextmanager
def started(shop: Shop, log: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server in a process group of its own, as a terminal would start it; yields address and process."""
    port = free_port()
    with log.open("wb") as said:
        process = subprocess.Popen([*command(), *arguments, "--port", str(port)], env=shop.environment(), stdout=said,
                                   stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            try:
                answer(address)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.3)
        yield address, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def ended_by_ctrl_c(process: subprocess.Popen[bytes], log: Path) -> None:
    """Ctrl-C reaches the whole group; nothing of it may be a traceback."""
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    assert process.returncode in (0, 130), log.read_text()
    assert "Traceback" not in log.read_text()


def test_dagster_changes_nothing_by_a_link_and_knows_no_other_name(refreshed: Shop, tmp_path: Path) -> None:
    log = tmp_path / "ui.log"
    version = json.dumps({"query": "{version}"}).encode()
    form = {"Content_Type": "application/json"}
    with started(refreshed, log, "ui") as (address, process):
        own = address.removeprefix("http://")
        assert answer(address)[0] == 200
        assert answer(address, "/graphql", version, **form) == (200, '{"data":{"version":"1.13.27"}}')
        assert answer(address, "/graphql", version, Origin=address, **form)[0] == 200
        for path in ("/graphql?query=%7Bversion%7D", "/graphql?query=mutation%7BreloadWorkspace%7B__typename%7D%7D"):
            assert answer(address, path)[0] == 403
        for foreign in ("evil.test", f"evil.test:{own.split(':')[1]}"):
            assert answer(address, "/", Host=foreign)[0] == 403
            assert answer(address, "/graphql", version, Host=foreign, **form)[0] == 403
            assert answer(address, "/graphql", version, Origin=f"http://{foreign}", **form)[0] == 403
        ended_by_ctrl_c(process, log)


def test_the_dashboard_knows_no_other_name(refreshed: Shop, tmp_path: Path) -> None:
    log = tmp_path / "dashboard.log"
    with started(refreshed, log, "dashboard", "--no-browser") as (address, process):
        assert answer(address, "/overview")[0] == 200
        for path in ("/", "/overview", "/_stcore/health", "/_stcore/stream"):
            assert answer(address, path, Host="evil.test")[0] == 403
            assert answer(address, path, Origin="http://evil.test")[0] == 403
        ended_by_ctrl_c(process, log)
