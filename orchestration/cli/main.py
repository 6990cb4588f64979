"""The `regulars` command: its commands in their groups. Heavy imports happen inside the commands that need them."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import NoReturn

import typer

from orchestration.cli.command import found
from orchestration.cli.console import as_called, err, escape
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

for command in found():
    command.add_to(app)


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
