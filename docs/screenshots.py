"""Make the README's screenshots: dashboard and Dagster in headless Chromium, on what is published.

Usage: make screenshots          (after make demo and make system)
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_SECONDS = 90
DASHBOARD = ("overview", "kpi-tree", "life-cycle", "value-churn", "churn", "customer", "models", "data-quality")
DAGSTER = {"dagster-lineage": "asset-groups", "dagster-asset": "assets/core/fct_order"}


def free_port() -> int:
    """A port on 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: str, port: int, *options: str) -> Iterator[str]:
    """Run `regulars <command>` until the block ends; yields its address once it answers."""
    tool = str(Path(sys.executable).parent / "regulars")
    process = subprocess.Popen([tool, command, "--port", str(port), *options], cwd=ROOT, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    """Poll an address until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server of {address} ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise TimeoutError(f"{address} did not answer within {START_SECONDS} s")


def settle(page: Page) -> None:
    """Wait until a Streamlit page has drawn its charts."""
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_selector(".js-plotly-plot .main-svg, [data-testid=stDataFrame]", timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000)
    page.wait_for_timeout(800)


def main(folder: Path) -> None:
    """Write every screenshot as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1380, "height": 1500}, device_scale_factor=1)
        with server("dashboard", free_port(), "--no-browser") as address:
            for name in DASHBOARD:
                page.goto(f"{address}/{name}")
                settle(page)
                page.screenshot(path=folder / f"{name}.png")
        page.set_viewport_size({"width": 1600, "height": 1000})
        with server("ui", free_port()) as address:
            for name, path in DAGSTER.items():
                page.goto(f"{address}/{path}")
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(4000)
                page.screenshot(path=folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
