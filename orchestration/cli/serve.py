"""Commands that start servers on this machine: dashboard, ui."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, escape, out
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.paths import PROJECT


def ui(
    company: CompanyOption = DEFAULT_COMPANY,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Start Dagster's web interface and daemon on 127.0.0.1; Ctrl-C ends both."""
    from orchestration.run.refresh import dagster_home
    from orchestration.warehouse import dbt

    config = load_company(company)
    home = dagster_home(config)
    dbt.ensure_manifest()
    out.print(f"Dagster for {escape(config.company.title)}: http://127.0.0.1:{port}")
    # `dagster dev` runs webserver and daemon; its successor wants another project layout and warns about this one.
    environment = dict(os.environ) | {"PYTHONWARNINGS": "ignore:Function `dev_command` is superseded"}
    run_until_interrupt(
        [
            sys.executable,
            "-m",
            "orchestration.instance.webserver",
            "dev",
            "--workspace",
            str(PROJECT / "workspace.yaml"),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ],
        environment,
        folder=home,  # in the checkout, Dagster would set what .env says over what the environment says
    )


def dashboard(
    company: CompanyOption = DEFAULT_COMPANY,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    contacts: Annotated[
        bool,
        typer.Option("--contacts", help="Show names, addresses and numbers, too; each look is noted in the logs."),
    ] = False,
) -> None:
    """Start the dashboard on 127.0.0.1; it reads the published version only. Ctrl-C ends it."""
    from orchestration.serving.publish import CONTACTS_GRANT, contacts_file, read_contacts

    config = load_company(company, need_env=False)
    if answers(port):
        raise UsageError(f"port {port} is in use", "Take another one with --port")
    environment = dict(os.environ) | {"REGULARS_COMPANY": company, CONTACTS_GRANT: "granted" if contacts else ""}
    if contacts:
        read_contacts(contacts_file(config.paths)).close()  # says now who may not read it
        out.print("It shows clear contact data to whoever opens it on this machine.")
    page = str(PROJECT / "orchestration" / "dashboard" / "server" / "serve.py")
    command = [
        sys.executable, "-m", "streamlit", "run", page, "--server.address", "127.0.0.1", "--server.port", str(port),
        # With a head Streamlit offers whoever looks to install files of its own beside the pages.
        "--server.headless", "true", "--browser.gatherUsageStats", "false", "--server.showEmailPrompt", "false",
    ]  # fmt: skip
    out.print(f"Dashboard for {escape(config.company.title)}: http://127.0.0.1:{port}")
    if browser and (sys.platform == "darwin" or environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        threading.Thread(target=open_browser, args=(port,), daemon=True).start()
    run_until_interrupt(command, environment)


def open_browser(port: int, patience: float = 60) -> None:
    """Open the browser once a server of this machine answers at the port; not at all where none does in time."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if answers(port):
            webbrowser.open(f"http://127.0.0.1:{port}")
            return
        time.sleep(0.2)


def answers(port: int) -> bool:
    """Whether something on this machine listens at the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def run_until_interrupt(command: Sequence[str], environment: dict[str, str], folder: Path = PROJECT) -> None:
    """Run a server in a folder until Ctrl-C or its end; a failure is the command's."""
    with subprocess.Popen(command, env=environment, cwd=folder) as process:
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda *_: process.terminate())
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            code = process.wait()
            return
    if code not in (0, -signal.SIGTERM, 130):
        raise RegularsError(f"{Path(command[0]).name} ended with code {code}", "See its messages above")


COMMANDS = (
    Command(dashboard, Panel.EVERY_DAY, 40),
    Command(ui, Panel.EVERY_DAY, 50),
)
