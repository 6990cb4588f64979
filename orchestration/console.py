"""What all commands print with, the options that all of them share, and how they run Dagster's jobs."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from orchestration import scratch
from orchestration.custody import end_pending
from orchestration.paths import CompanyPaths

if TYPE_CHECKING:
    from orchestration.refresh import Session

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

NARROW = 80  # columns of a terminal that notes fit


def of_company(name: str) -> str:
    """Work for a company: scratch files lie below its folder, and a restore that was killed is ended first."""
    paths = CompanyPaths.of(name)
    scratch.of_company(paths)
    if said := end_pending(paths):
        err.print(escape(said))
    return name


CompanyOption = Annotated[
    str,
    typer.Option(
        "--company",
        "-c",
        envvar="REGULARS_COMPANY",
        help="Folder name in data/companies/.",
        callback=of_company,
        show_default=True,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def command_name() -> str:
    """How the command was called, for hints: `regulars` where the shell finds it, else the path as it was typed."""
    called = Path(sys.argv[0])
    if called.name != "regulars":
        return "regulars"
    known = shutil.which("regulars")
    typed = str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)
    return "regulars" if known and Path(known).absolute() == called.absolute() else typed


def escape(text: str) -> str:
    """Text in which rich sees no markup."""
    return text.replace("[", r"\[")


def as_called(text: str) -> str:
    """A hint in which the command stands as it was called."""
    name = command_name()
    return text if name == "regulars" else re.sub(r"(?<![\w./])regulars (?=[a-z])", f"{name} ", text)


def bullet(text: str, mark: str = "  ") -> None:
    """Print a note within 80 columns, its further lines indented."""
    out.print(
        escape(
            textwrap.fill(text, NARROW, initial_indent=mark, subsequent_indent=" " * (len(mark) + 2),
                          break_long_words=False, break_on_hyphens=False)
        )
    )  # fmt: skip


def show(rows: Sequence[Mapping[Any, Any]], as_json: bool, empty: str) -> None:
    """Print rows as a table or as JSON."""
    if as_json:
        print(json.dumps(rows, default=str, indent=1))
    elif not rows:
        out.print(empty)
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name, value in rows[0].items():
            table.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
        for row in rows:
            table.add_row(*("" if v is None else escape(str(v)) for v in row.values()))
        out.print(table)


class Progress:
    """Prints a line as each part of a refresh ends."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __call__(self, stage: str, message: str, figures: dict[str, Any]) -> None:
        """See `orchestration.report.Sink`."""
        if self.quiet or (stage == "refresh" and message in ("succeeded", "failed")):
            return
        shown = "  ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in figures.items())
        if message == "started":
            out.print(f"[bold]{stage}[/]")
        elif message.startswith("failed:"):
            return
        else:
            out.print(f"  {escape(message):<44} [dim]{escape(shown)}[/]")


def run_refresh(session: Session, quiet: bool, job: str = "refresh") -> None:
    """Run Dagster's refresh job, or another one, in an open session."""
    from orchestration.refresh import dagster_home

    dagster_home(session.config)
    session.start_judge()
    if not quiet:
        out.print("[dim]starting Dagster and dbt[/]")
    from orchestration.launch import run_job

    run_job(job, session)
