"""The `regulars` command: its commands in their groups. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from orchestration.cli.backup import backup, restore
from orchestration.cli.console import as_called, err, escape
from orchestration.cli.generate import generate
from orchestration.cli.identity import explain, review_app
from orchestration.cli.look import check, doctor, drift, status
from orchestration.cli.models import models
from orchestration.cli.privacy import access_report, forget
from orchestration.cli.quarantine import quarantine_app
from orchestration.cli.refresh import backfill, refresh, retrain
from orchestration.cli.serve import dashboard, ui
from orchestration.cli.source import init, source_app
from orchestration.cli.sql import sql
from orchestration.cli.versions import publish, rollback, versions
from orchestration.platform.custody import harden
from orchestration.platform.environment import load_environment
from orchestration.platform.errors import RegularsError, Stopped, in_plain_words
from orchestration.platform.redaction import redact

EXIT_CODES = {
    0: "fine", 1: "failed, or found what it looks for", 2: "wrong use", 3: "stopped by a data-quality check",
    130: "stopped by Ctrl-C",
}  # fmt: skip

app = typer.Typer(
    help="Regulars: whom to keep, win back, grow and find; through which channel, with which offer; and did it work.",
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

# Groups of `regulars --help`, the daily ones first.
GROUPS: dict[str, tuple[Callable[..., Any] | tuple[str, typer.Typer], ...]] = {
    "Every day": (refresh, status, sql, dashboard, ui),
    "Data quality and models": (check, ("quarantine", quarantine_app), drift, models, retrain, doctor),
    "Connect sources": (init, ("source", source_app), generate),
    "Customers and privacy": (explain, ("review", review_app), access_report, forget),
    "Versions and copies": (versions, rollback, publish, backfill, backup, restore),
}
for panel, commands in GROUPS.items():
    for command in commands:
        if isinstance(command, tuple):
            app.add_typer(command[1], name=command[0], rich_help_panel=panel)
        else:
            app.command(rich_help_panel=panel)(command)


def main() -> None:
    """Run a command: one-line errors, and the exit codes of `EXIT_CODES`."""
    harden()
    try:
        load_environment()
        app()
    except SystemExit as ended:
        if ended.code != Stopped.exit_code:
            raise
        end(Stopped())
    except KeyboardInterrupt:
        end(Stopped())
    except Exception as raised:
        if os.environ.get("REGULARS_DEBUG"):
            raise
        end(in_plain_words(raised))


def end(error: RegularsError) -> NoReturn:
    """Say an error in one line, as JSON too where that is wanted, and exit with its code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would only add a traceback of Python's own end
    if "--json" in sys.argv:
        print(json.dumps({"error": redact(error.message), "cure": as_called(error.cure), "exit_code": error.exit_code}))
    err.print(f"[bold red]Error:[/] {escape(redact(as_called(str(error))))}")
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
